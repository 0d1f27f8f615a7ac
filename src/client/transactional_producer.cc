#include "client/transactional_producer.h"

#include <algorithm>

#include "base/fault_points.h"
#include "client/admin_call.h"
#include "client/leader_call.h"
#include "wire/messages/add_offsets_to_txn.h"
#include "wire/messages/add_partitions_to_txn.h"
#include "wire/messages/end_txn.h"
#include "wire/messages/init_producer_id.h"
#include "wire/messages/txn_offset_commit.h"

namespace partita::client {
namespace {

// The newest versions in which a client says itself what belongs to a transaction: the later ones
// leave that to the brokers, which not every broker does (KIP-890).
constexpr int16_t kLastAddWithOneTransaction = 3;
constexpr int16_t kLastEndWithoutNewEpoch = 4;
constexpr int16_t kLastOffsetsWithAdd = 4;

Result<ProducerIdentity> read_identity(const Answer& answer) {
  TRY(const auto response,
      wire::InitProducerIdResponseView::decode(answer.body.view(), answer.version));
  CHECKED(result_of(response.error_code, std::nullopt));
  return ProducerIdentity{ProducerId(response.producer_id), ProducerEpoch(response.producer_epoch)};
}

Result<bool> read_added(const Answer& answer) {
  TRY(const auto response,
      wire::AddPartitionsToTxnResponseView::decode(answer.body.view(), answer.version));
  for (const auto& topic : response.results_by_topic_v3_and_below) {
    for (const auto& each : topic.results_by_partition) {
      const Result<> result = result_of(each.partition_error_code, std::nullopt);
      // The others are refused only because of one that has a reason of its own.
      if (!result && result.error().code != Errc::operation_not_attempted) {
        return std::unexpected(result.error());
      }
    }
  }
  return true;
}

Result<bool> read_offsets_added(const Answer& answer) {
  TRY(const auto response,
      wire::AddOffsetsToTxnResponseView::decode(answer.body.view(), answer.version));
  CHECKED(result_of(response.error_code, std::nullopt));
  return true;
}

Result<bool> read_offsets(const Answer& answer) {
  TRY(const auto response,
      wire::TxnOffsetCommitResponseView::decode(answer.body.view(), answer.version));
  for (const auto& topic : response.topics) {
    for (const auto& each : topic.partitions) {
      CHECKED(result_of(each.error_code, std::nullopt));
    }
  }
  return true;
}

Result<bool> read_end(const Answer& answer) {
  TRY(const auto response, wire::EndTxnResponseView::decode(answer.body.view(), answer.version));
  CHECKED(result_of(response.error_code, std::nullopt));
  return true;
}

bool is_fenced(Errc code) {
  return code == Errc::producer_fenced || code == Errc::invalid_producer_epoch ||
         code == Errc::invalid_producer_id_mapping ||
         code == Errc::transactional_id_authorization_failed;
}

ProducerSettings transactional(ProducerSettings settings, const std::string& id) {
  settings.idempotent = true;
  settings.acks = -1;
  settings.transactional_id = id;
  return settings;
}

}  // namespace

TransactionalProducer::TransactionalProducer(Cluster& cluster, std::string transactional_id,
                                             Duration timeout, ProducerSettings settings,
                                             std::unique_ptr<Partitioner> partitioner)
    : cluster_(cluster),
      shard_(cluster.shard()),
      id_(std::move(transactional_id)),
      timeout_(timeout),
      scope_(shard_),
      coordinator_(cluster, CoordinatorType::transaction, id_),
      producer_(cluster, transactional(std::move(settings), id_), std::move(partitioner)) {
  producer_.ask_before_sending(
      [this](const TopicPartition& partition) { return may_send(partition); });
}

TransactionalProducer::~TransactionalProducer() {
  CHECK(scope_.task_count() == 0);
}

Task<void> TransactionalProducer::close() {
  scope_.close();
  co_await producer_.close();
  co_await scope_.join();
}

void TransactionalProducer::fail_with(const Error& error) {
  if (error.code == Errc::stopped) return;
  if (is_fenced(error.code)) state_ = State::fenced;
  if (state_ == State::open) state_ = State::failed;
  if (!failure_) failure_ = error;
}

Result<> TransactionalProducer::check_open() const {
  if (state_ == State::open) return {};
  if (failure_) return std::unexpected(*failure_);
  return fail(Errc::invalid_txn_state, "no transaction is open");
}

// --- The producer's identity ---

Task<Result<>> TransactionalProducer::init(Deadline deadline) {
  if (state_ != State::created) {
    co_return fail(Errc::invalid_txn_state, "the producer has begun already");
  }
  CO_CHECKED(co_await obtain_identity(deadline));
  state_ = State::ready;
  co_return Result<>();
}

Task<Result<>> TransactionalProducer::obtain_identity(Deadline deadline) {
  Backoff pauses = cluster_.backoff();
  while (true) {
    wire::InitProducerIdRequest request;
    request.transactional_id = id_;
    request.transaction_timeout_ms = static_cast<int32_t>(to_ms(timeout_));
    request.producer_id = identity_.id.value();
    request.producer_epoch = identity_.epoch.value();
    const Result<ProducerIdentity> found = co_await coordinator_.ask<ProducerIdentity>(
        scope_, std::move(request), read_identity, deadline);
    if (found) {
      identity_ = *found;
      producer_.set_identity(identity_);
      co_return Result<>();
    }
    // What an earlier producer left is being ended.
    const Duration pause = pauses.next();
    if (found.error().code != Errc::concurrent_transactions || shard_.now() + pause >= deadline) {
      fail_with(found.error());
      co_return std::unexpected(found.error());
    }
    CO_CHECKED(co_await sleep_for(scope_, pause));
  }
}

// --- Inside a transaction ---

Result<> TransactionalProducer::begin() {
  if (state_ != State::ready) {
    if (failure_) return std::unexpected(*failure_);
    return fail(Errc::invalid_txn_state, "there is no room for a transaction to begin");
  }
  state_ = State::open;
  return {};
}

Task<Result<>> TransactionalProducer::send(ProducerRecord record, DeliveryCallback done) {
  CO_CHECKED(check_open());
  auto judged = [this, done = std::move(done)](Result<Delivery> result) mutable {
    if (!result) fail_with(result.error());
    if (done) done(std::move(result));
  };
  const Result<> sent = co_await producer_.send(std::move(record), std::move(judged));
  if (!sent) fail_with(sent.error());
  co_return sent;
}

bool TransactionalProducer::may_send(const TopicPartition& partition) {
  if (added_.contains(partition)) return true;
  if (state_ != State::open) return false;
  wanted_.insert(partition);
  if (!std::exchange(adding_, true)) scope_.spawn(add_partitions());
  return false;
}

Task<void> TransactionalProducer::add_partitions() {
  while (!wanted_.empty() && state_ == State::open && !scope_.closed()) {
    const std::vector<TopicPartition> some(wanted_.begin(), wanted_.end());
    const Result<> added = co_await add_once(some, shard_.now() + timeout_);
    if (!added) {
      fail_with(added.error());
      producer_.give_up_unsent(added.error());
      break;
    }
    for (const TopicPartition& each : some) {
      added_.insert(each);
      wanted_.erase(each);
    }
    producer_.look_again();
  }
  adding_ = false;
}

Task<Result<>> TransactionalProducer::add_once(std::vector<TopicPartition> partitions,
                                               Deadline deadline) {
  Backoff pauses = cluster_.backoff();
  while (true) {
    wire::AddPartitionsToTxnRequest request;
    request.v3_and_below_transactional_id = id_;
    request.v3_and_below_producer_id = identity_.id.value();
    request.v3_and_below_producer_epoch = identity_.epoch.value();
    for (const TopicPartition& each : partitions) {
      topic_in(request.v3_and_below_topics, each.topic)
          .partitions.push_back(each.partition.value());
    }
    const Result<bool> added = co_await coordinator_.ask<bool>(
        scope_, std::move(request), read_added, deadline, kLastAddWithOneTransaction);
    if (added) co_return Result<>();
    // The markers of the transaction before are still being written.
    const Duration pause = pauses.next();
    const bool again = added.error().code == Errc::concurrent_transactions ||
                       added.error().code == Errc::unknown_topic_or_partition;
    if (!again || shard_.now() + pause >= deadline) co_return std::unexpected(added.error());
    CO_CHECKED(co_await sleep_for(scope_, pause));
  }
}

Task<Result<>> TransactionalProducer::send_offsets(GroupIdentity member, CommittedOffsets offsets,
                                                   Deadline deadline) {
  CO_CHECKED(check_open());
  Backoff pauses = cluster_.backoff();
  Result<bool> added = fail(Errc::concurrent_transactions);
  while (!added) {
    wire::AddOffsetsToTxnRequest request;
    request.transactional_id = id_;
    request.producer_id = identity_.id.value();
    request.producer_epoch = identity_.epoch.value();
    request.group_id = member.group;
    added =
        co_await coordinator_.ask<bool>(scope_, std::move(request), read_offsets_added, deadline);
    const Duration pause = pauses.next();
    const bool again = !added && added.error().code == Errc::concurrent_transactions &&
                       shard_.now() + pause < deadline;
    if (!added && !again) {
      fail_with(added.error());
      co_return std::unexpected(added.error());
    }
    if (again) CO_CHECKED(co_await sleep_for(scope_, pause));
  }
  offsets_sent_ = true;
  wire::TxnOffsetCommitRequest request;
  request.transactional_id = id_;
  request.group_id = member.group;
  request.producer_id = identity_.id.value();
  request.producer_epoch = identity_.epoch.value();
  request.generation_id = member.generation;
  request.member_id = std::move(member.member_id);
  request.group_instance_id = std::move(member.instance_id);
  for (auto& [name, committed] : offsets) {
    auto& partition = topic_in(request.topics, name.topic).partitions.emplace_back();
    partition.partition_index = name.partition.value();
    partition.committed_offset = committed.offset.value();
    partition.committed_leader_epoch = committed.leader_epoch.value();
    partition.committed_metadata = std::move(committed.metadata);
  }
  Coordinator group(cluster_, CoordinatorType::group, member.group);
  const Result<bool> sent = co_await group.ask<bool>(scope_, std::move(request), read_offsets,
                                                     deadline, kLastOffsetsWithAdd);
  if (sent) co_return Result<>();
  fail_with(sent.error());
  co_return std::unexpected(sent.error());
}

// --- Its end ---

Task<Result<>> TransactionalProducer::commit(Deadline deadline) {
  CO_CHECKED(check_open());
  CO_CHECKED(co_await producer_.flush(deadline));
  // Every record has its answer now.
  if (!mutant("client.commits_failed")) CO_CHECKED(check_open());
  co_return co_await end(true, deadline);
}

Task<Result<>> TransactionalProducer::abort(Deadline deadline) {
  if (!is_open()) {
    if (failure_) co_return std::unexpected(*failure_);
    co_return fail(Errc::invalid_txn_state, "no transaction is open");
  }
  const bool failed = state_ == State::failed;
  // Records that wait to be sent belong to nothing any more.
  producer_.give_up_unsent({Errc::operation_not_attempted, "the transaction is aborted"});
  CO_CHECKED(co_await producer_.flush(deadline));
  if (state_ == State::fenced) co_return std::unexpected(*failure_);
  CO_CHECKED(co_await end(false, deadline));
  if (!failed) co_return Result<>();
  COVERED("client.epoch_raised_after_failure");
  co_return co_await obtain_identity(deadline);
}

Task<Result<>> TransactionalProducer::end(bool committed, Deadline deadline) {
  if (!added_.empty() || offsets_sent_) {
    wire::EndTxnRequest request;
    request.transactional_id = id_;
    request.producer_id = identity_.id.value();
    request.producer_epoch = identity_.epoch.value();
    request.committed = committed;
    const Result<bool> ended = co_await coordinator_.ask<bool>(scope_, std::move(request), read_end,
                                                               deadline, kLastEndWithoutNewEpoch);
    if (!ended && !is_connection_error(ended.error().code)) fail_with(ended.error());
    if (!ended) co_return std::unexpected(ended.error());
  }
  added_.clear();
  wanted_.clear();
  offsets_sent_ = false;
  failure_.reset();
  state_ = State::ready;
  co_return Result<>();
}

}  // namespace partita::client
