// Producer: the one task that sends, and what answers do to batches.

#include <algorithm>

#include "base/fault_points.h"
#include "client/producer.h"
#include "wire/error_code.h"
#include "wire/messages/init_producer_id.h"
#include "wire/messages/produce.h"

namespace partita::client {
namespace {

constexpr int16_t kLastVersionWithNames = 12;

/// The broker has refused the batch before writing anything of it.
bool is_refusal(Errc code) {
  return code != Errc::unknown_server_error && !is_transient(code);
}

/// The broker's memory of this producer and ours do not fit together any more.
bool is_lost_state(Errc code) {
  return code == Errc::out_of_order_sequence_number || code == Errc::unknown_producer_id ||
         code == Errc::invalid_producer_epoch;
}

bool is_fatal(Errc code) {
  return code == Errc::producer_fenced || code == Errc::unsupported_version ||
         code == Errc::cluster_authorization_failed;
}

}  // namespace

// --- Sending ---

Task<void> Producer::run_sender() {
  while (!scope_.closed()) {
    const uint64_t seen = changes_;
    expire(shard_.now());
    if (needs_identity()) co_await obtain_identity();
    if (fatal_) give_up_all(*fatal_);
    const Instant look_again = send_what_is_ready();
    // What happened meanwhile woke nobody.
    if (changes_ != seen) continue;
    Wait wait(scope_, look_again);
    changed_.add(wait);
    if (const Result<> woken = co_await wait; !woken && woken.error().code == Errc::stopped) break;
  }
}

bool Producer::needs_identity() const {
  return settings_.idempotent && !identity_ && !fatal_ && records_unfinished_ > 0 &&
         shard_.now() >= identity_not_before_;
}

Task<void> Producer::obtain_identity() {
  wire::InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  request.transaction_timeout_ms = INT32_MAX;
  const Deadline deadline = shard_.now() + cluster_.settings().request_timeout;
  const Result<Answer> answer =
      co_await cluster_.ask(scope_, kAnyNode, std::move(request), deadline);
  Result<ProducerIdentity> identity = [&]() -> Result<ProducerIdentity> {
    if (!answer) return std::unexpected(answer.error());
    TRY(const auto response,
        wire::InitProducerIdResponseView::decode(answer->body.view(), answer->version));
    if (const auto error = wire::errc_of(response.error_code)) {
      return fail(*error, "InitProducerId");
    }
    return ProducerIdentity{ProducerId(response.producer_id),
                            ProducerEpoch(response.producer_epoch)};
  }();
  if (identity) {
    identity_ = *identity;
  } else if (is_transient(identity.error().code)) {
    identity_not_before_ = shard_.now() + cluster_.settings().retry_backoff;
  } else if (identity.error().code != Errc::stopped) {
    fatal_ = identity.error();
  }
}

Instant Producer::send_what_is_ready() {
  Instant look_again = shard_.now() + cluster_.settings().metadata_max_age;
  if (records_unfinished_ == 0 || fatal_) return look_again;
  if (settings_.idempotent && !identity_) return identity_not_before_;
  if (cluster_.is_stale() && !refreshing_) scope_.spawn(refresh_metadata());
  while (start_requests(shard_.now(), look_again)) {
  }
  return look_again;
}

void Producer::note_change() {
  changes_++;
  changed_.wake_all();
}

ProducerBatch* Producer::next_of(ProducerPartition& partition, Instant now, Instant& look_again) {
  if (settings_.idempotent && !identity_) return nullptr;
  if (partition.restart_wanted) {
    if (partition.in_flight() > 0) return nullptr;
    reset(partition);
    if (!identity_) return nullptr;
  }
  if (identity_) partition.adopt(*identity_);
  if (partition.in_flight() >= settings_.max_in_flight) return nullptr;
  // A broker that knows nothing of the producer takes any sequence: only what it has acknowledged
  // keeps a batch from being overtaken on the way to it.
  const bool alone = settings_.idempotent && !partition.acknowledged;
  if (alone && partition.in_flight() > 0) return nullptr;
  ProducerBatch* batch = partition.next();
  if (batch == nullptr) return nullptr;
  const bool hurry = flushes_ > 0 || waiting_for_room_ > 0;
  Instant ready =
      batch->closed || batch->was_sent() || hurry ? now : batch->created + settings_.linger;
  ready = std::max(ready, batch->not_before);
  look_again = std::min(look_again, batch->created + settings_.delivery_timeout);
  if (ready <= now) return batch;
  look_again = std::min(look_again, ready);
  return nullptr;
}

bool Producer::start_requests(Instant now, Instant& look_again) {
  struct Request {
    Batches batches;
    size_t bytes = 0;
  };
  std::map<NodeId, Request> requests;
  bool leader_missing = false;
  // Whoever was left out the last time comes first now.
  const auto start = partitions_.upper_bound(served_last_);
  auto at = start;
  for (size_t i = 0; i < partitions_.size(); i++, ++at) {
    if (at == partitions_.end()) at = partitions_.begin();
    ProducerPartition& partition = *at->second;
    if (partition.empty()) continue;
    ProducerBatch* batch = next_of(partition, now, look_again);
    if (batch == nullptr) continue;
    const TopicPtr topic = cluster_.known_topic(at->first.topic);
    const PartitionView* view = topic ? topic->find(at->first.partition) : nullptr;
    if (view == nullptr || view->leader == kNoNode) {
      leader_missing = true;
      continue;
    }
    Node& node = nodes_[view->leader];
    Request& request = requests[view->leader];
    if (node.requests_in_flight >= settings_.max_in_flight) continue;
    const size_t bytes = batch->built.empty() ? batch->builder.size() : batch->built.size();
    if (!request.batches.empty() && request.bytes + bytes > settings_.request_bytes_max) continue;
    request.batches.push_back(batch);
    request.bytes += bytes;
    served_last_ = at->first;
  }
  if (leader_missing && !refreshing_) scope_.spawn(refresh_metadata());
  bool started = false;
  for (auto& [node, request] : requests) {
    if (request.batches.empty()) continue;
    started = true;
    nodes_[node].requests_in_flight++;
    for (ProducerBatch* batch : request.batches) {
      batch->closed = true;
      batch->in_flight = true;
      if (settings_.idempotent) batch->partition->sequence(*batch);
      batch->attempts++;
    }
    scope_.spawn(send_request(node, std::move(request.batches)));
  }
  return started;
}

Task<void> Producer::refresh_metadata() {
  refreshing_ = true;
  const Result<> refreshed =
      co_await cluster_.refresh(scope_, shard_.now() + cluster_.settings().request_timeout);
  if (!refreshed) cluster_.log().debug("no metadata: {}", describe(refreshed.error()));
  note_change();
  // Whether it helped or not, the next question waits a little.
  const Result<> slept = co_await sleep_for(scope_, cluster_.settings().retry_backoff);
  static_cast<void>(slept);
  refreshing_ = false;
  note_change();
}

Task<void> Producer::send_request(NodeId node, Batches batches) {
  wire::ProduceRequest request;
  request.acks = settings_.acks;
  request.timeout_ms = static_cast<int32_t>(to_ms(cluster_.settings().request_timeout));
  int16_t version_max = INT16_MAX;
  const ProducerIdentity none;
  std::optional<Error> failed;
  for (ProducerBatch* batch : batches) {
    const TopicPartition& name = batch->partition->name();
    auto at = std::ranges::find(request.topic_data, name.topic,
                                [](const auto& topic) { return topic.name; });
    if (at == request.topic_data.end()) {
      request.topic_data.emplace_back().name = name.topic;
      at = std::prev(request.topic_data.end());
      const TopicPtr topic = cluster_.known_topic(name.topic);
      if (topic) at->topic_id = topic->id;
      if (at->topic_id.is_zero()) version_max = kLastVersionWithNames;
    }
    auto built = built_batch(*batch, settings_.idempotent ? batch->partition->identity() : none,
                             compressor_);
    if (!built) {
      failed = std::move(built).error();
      break;
    }
    auto& partition = at->partition_data.emplace_back();
    partition.index = name.partition.value();
    partition.records = ByteChain{*std::move(built)};
  }
  const Deadline deadline = shard_.now() + cluster_.settings().request_timeout;
  Result<Answer> answer = fail(Errc::invalid_argument);
  if (failed) {
    answer = std::unexpected(*failed);
  } else if (settings_.acks == 0) {
    const Result<> told = co_await cluster_.tell(scope_, node, std::move(request), deadline);
    if (!told)
      answer = std::unexpected(told.error());
    else
      answer = Answer{};
  } else {
    answer = co_await cluster_.ask(scope_, node, std::move(request), deadline, version_max);
  }
  nodes_[node].requests_in_flight--;
  for (ProducerBatch* batch : batches) batch->in_flight = false;
  if (!answer) {
    for (ProducerBatch* batch : batches) handle_error(*batch, answer.error());
  } else if (settings_.acks == 0) {
    for (ProducerBatch* batch : batches) succeed(*batch, kNoOffset, kNoTimestamp);
  } else {
    take_answer(*answer, batches);
  }
  note_change();
}

// --- Answers ---

void Producer::take_answer(const Answer& answer, const Batches& batches) {
  const auto response = wire::ProduceResponseView::decode(answer.body.view(), answer.version);
  std::map<TopicPartition, ProducerBatch*> unanswered;
  for (ProducerBatch* batch : batches) unanswered.emplace(batch->partition->name(), batch);
  const auto name_of = [&](const auto& topic) {
    if (!topic.name.empty()) return std::string(topic.name);
    for (const auto& [name, batch] : unanswered) {
      const TopicPtr known = cluster_.known_topic(name.topic);
      if (known && known->id == topic.topic_id) return name.topic;
    }
    return std::string();
  };
  if (response) {
    for (const auto& each : response->node_endpoints) {
      cluster_.learn_broker({.id = NodeId(each.node_id),
                             .address = {std::string(each.host), static_cast<uint16_t>(each.port)},
                             .rack = std::nullopt});
    }
    for (const auto& topic : response->responses) {
      const std::string name = name_of(topic);
      for (const auto& each : topic.partition_responses) {
        const auto found = unanswered.find({name, PartitionIndex(each.index)});
        if (found == unanswered.end()) continue;
        ProducerBatch& batch = *found->second;
        if (each.current_leader.leader_id >= 0) {
          cluster_.learn_leader(found->first, NodeId(each.current_leader.leader_id),
                                LeaderEpoch(each.current_leader.leader_epoch));
        }
        unanswered.erase(found);
        const auto error = wire::errc_of(each.error_code);
        if (!error || *error == Errc::duplicate_sequence_number) {
          succeed(batch, Offset(error ? -1 : each.base_offset), WallTime(each.log_append_time_ms));
        } else {
          std::string words(each.error_message.value_or(""));
          for (const auto& fault : each.record_errors) {
            if (words.empty()) words = fault.batch_index_error_message.value_or("");
          }
          handle_error(batch, {*error, std::move(words)});
        }
      }
    }
  }
  for (const auto& [name, batch] : unanswered) {
    handle_error(*batch,
                 {Errc::network_exception, "the broker's answer lacks " + name.to_string()});
  }
}

void Producer::succeed(ProducerBatch& batch, Offset base_offset, WallTime append_time) {
  const auto index = batch.partition->name().partition;
  batch.partition->acknowledged = true;
  finish(batch, [&](size_t i) -> Result<Delivery> {
    const Offset offset =
        base_offset == kNoOffset ? kNoOffset : base_offset + OffsetDelta(static_cast<int64_t>(i));
    return Delivery{
        .partition = index,
        .offset = offset,
        .timestamp = append_time == kNoTimestamp ? batch.waiting[i].timestamp : append_time};
  });
}

void Producer::handle_error(ProducerBatch& batch, Error error) {
  const Errc code = error.code;
  if (code == Errc::stopped) return give_up(batch, std::move(error));
  if (is_fatal(code)) {
    fatal_ = error;
    return give_up(batch, std::move(error));
  }
  if (settings_.idempotent && is_lost_state(code)) {
    // Behind one that is tried again a refusal is what was to be expected.
    if (batch.partition->is_first(batch)) {
      COVERED("client.producer_state_lost");
      batch.partition->restart_wanted = true;
    }
    return try_again(batch, std::move(error), false);
  }
  if (is_refusal(code)) {
    if (settings_.idempotent) batch.partition->close_gap(batch);
    return give_up(batch, std::move(error));
  }
  const bool retriable = is_transient(code);
  if (is_stale_metadata(code) && !refreshing_) scope_.spawn(refresh_metadata());
  if (retriable) return try_again(batch, std::move(error), true);
  batch.fate_unknown = true;
  if (settings_.idempotent) batch.partition->restart_wanted = true;
  give_up(batch, std::move(error));
}

void Producer::try_again(ProducerBatch& batch, Error error, bool fate_unknown) {
  batch.fate_unknown |= fate_unknown;
  if (batch.attempts > settings_.retries) {
    if (settings_.idempotent && batch.fate_unknown) {
      batch.partition->restart_wanted = true;
    } else if (settings_.idempotent) {
      batch.partition->close_gap(batch);
    }
    return give_up(batch, std::move(error));
  }
  COVERED("client.batch_tried_again");
  batch.last_error = std::move(error);
  Backoff pauses = cluster_.backoff();
  Duration pause = 0ms;
  for (uint32_t i = 0; i < std::min(batch.attempts, 8u); i++) pause = pauses.next();
  batch.not_before = shard_.now() + pause;
}

void Producer::give_up(ProducerBatch& batch, Error error) {
  finish(batch, [&](size_t) -> Result<Delivery> { return std::unexpected(error); });
}

void Producer::give_up_all(const Error& error) {
  for (const auto& [name, partition] : partitions_) {
    // What is in flight gets its own answer.
    std::vector<ProducerBatch*> batches;
    for (const auto& batch : partition->batches()) {
      if (!batch->in_flight || scope_.closed()) batches.push_back(batch.get());
    }
    for (ProducerBatch* batch : batches) give_up(*batch, error);
  }
}

void Producer::expire(Instant now) {
  for (const auto& [name, partition] : partitions_) {
    std::vector<ProducerBatch*> expired;
    for (const auto& batch : partition->batches()) {
      if (!batch->in_flight && now - batch->created >= settings_.delivery_timeout) {
        expired.push_back(batch.get());
      }
    }
    for (ProducerBatch* batch : expired) {
      COVERED("client.batch_expired");
      if (settings_.idempotent && batch->fate_unknown) partition->restart_wanted = true;
      if (settings_.idempotent && !batch->fate_unknown) partition->close_gap(*batch);
      std::string words = "Expiring " + std::to_string(batch->record_count()) + " record(s) for " +
                          name.to_string() + ":" + std::to_string(to_ms(now - batch->created)) +
                          " ms has passed since batch creation";
      if (batch->last_error) words += "; the last error was " + describe(*batch->last_error);
      give_up(*batch, {Errc::request_timed_out, std::move(words)});
    }
  }
}

void Producer::reset(ProducerPartition& partition) {
  CHECK(identity_.has_value());
  if (identity_->epoch.value() == INT16_MAX) {
    identity_.reset();
    note_change();
    return;
  }
  // One whose fate is unknown may be in the log: under a new sequence it would be there twice.
  std::vector<ProducerBatch*> unknown;
  for (const auto& batch : partition.batches()) {
    if (batch->fate_unknown) unknown.push_back(batch.get());
  }
  for (ProducerBatch* batch : unknown) {
    give_up(*batch, batch->last_error.value_or(Error{Errc::unknown_server_error}));
  }
  identity_->epoch = ProducerEpoch(static_cast<int16_t>(identity_->epoch.value() + 1));
  partition.restart(*identity_);
}

void Producer::finish(ProducerBatch& batch, const std::function<Result<Delivery>(size_t)>& answer) {
  const std::unique_ptr<ProducerBatch> owned = batch.partition->remove(batch);
  bytes_waiting_ -= owned->bytes;
  records_unfinished_ -= owned->waiting.size();
  for (size_t i = 0; i < owned->waiting.size(); i++) {
    if (owned->waiting[i].done) owned->waiting[i].done(answer(i));
  }
  room_.wake_all();
  finished_.wake_all();
}

}  // namespace partita::client
