#include "client/group_consumer.h"

#include <algorithm>

#include "base/fault_points.h"
#include "client/admin.h"

namespace partita::client {
namespace {

constexpr Duration kCommitPatience = 5s;
constexpr Duration kLeavePatience = 2s;
constexpr Duration kLookForFirstTopic = 1s;

}  // namespace

GroupConsumer::GroupConsumer(Cluster& cluster, GroupConsumerSettings settings)
    : cluster_(cluster),
      shard_(cluster.shard()),
      settings_(std::move(settings)),
      coordination_(shard_, cluster.settings(), cluster.log()),
      membership_(coordination_, settings_.membership),
      consumer_(cluster, settings_.consumer),
      scope_(shard_),
      topics_(settings_.topics) {
  membership_.on_change([this] { consumer_.wake(); });
}

GroupConsumer::~GroupConsumer() {
  CHECK(scope_.task_count() == 0);
}

void GroupConsumer::stop() {
  scope_.close();
  consumer_.stop();
}

Task<Result<Polled>> GroupConsumer::poll(Deadline deadline) {
  while (true) {
    if (scope_.closed()) co_return fail(Errc::stopped, "the consumer is closed");
    co_await commit_if_due();
    if (settings_.wanted && shard_.now() >= look_for_topics_) {
      CO_CHECKED(co_await find_topics(deadline));
    }
    const bool rejoin = !joined_ || membership_.is_rejoin_wanted() || membership_.is_lost();
    if (rejoin && !topics_.empty()) {
      const Result<> done = co_await rebalance(deadline);
      if (!done && shard_.now() >= deadline && is_transient(done.error().code)) co_return Polled();
      CO_CHECKED(done);
    }
    Instant until = deadline;
    if (settings_.auto_commit && joined_) until = std::min(until, next_commit_);
    if (settings_.wanted) until = std::min(until, look_for_topics_);
    Result<Polled> polled = co_await consumer_.poll(until);
    if (!polled || !polled->records.empty() || shard_.now() >= deadline) co_return polled;
  }
}

Task<Result<>> GroupConsumer::find_topics(Deadline deadline) {
  Admin admin(scope_, cluster_);
  CO_TRY(const auto all, co_await admin.list_topics(deadline));
  std::vector<std::string> found;
  for (const TopicPtr& topic : all) {
    if (settings_.wanted(topic->name)) found.push_back(topic->name);
  }
  const Duration pause = found.empty() ? kLookForFirstTopic : cluster_.settings().metadata_max_age;
  look_for_topics_ = shard_.now() + pause;
  if (found == topics_) co_return Result<>();
  topics_ = std::move(found);
  if (joined_) membership_.want_rejoin();
  co_return Result<>();
}

// --- Rebalancing ---

Task<Result<>> GroupConsumer::rebalance(Deadline deadline) {
  if (joined_) {
    COVERED("client.group_rebalanced");
    if (settings_.auto_commit && !membership_.is_lost()) {
      const Result<> committed = co_await commit(shard_.now() + kCommitPatience);
      if (!committed) {
        cluster_.log().warn("not committed before a rebalance: {}", describe(committed.error()));
      }
    }
    if (settings_.on_revoked) settings_.on_revoked(assignment_);
    consumer_.assign({});
    assignment_.clear();
    joined_ = false;
  }
  CO_TRY(assignment_, co_await membership_.join(topics_, deadline));
  committed_.clear();
  CO_TRY(const CommittedOffsets offsets, co_await membership_.committed(deadline));
  if (settings_.on_assigned) settings_.on_assigned(assignment_);
  const StartAt start =
      settings_.consumer.reset == OffsetReset::earliest ? StartAt::beginning() : StartAt::end();
  Consumer::Assignment assignment;
  for (const TopicPartition& each : assignment_) {
    const auto at = offsets.find(each);
    if (at != offsets.end()) committed_.emplace(each, at->second.offset);
    if (at == offsets.end() && settings_.consumer.reset == OffsetReset::none) {
      co_return fail(
          Errc::offset_out_of_range,
          "Undefined offset with no reset policy for partitions: [" + each.to_string() + "]");
    }
    assignment.emplace_back(each, at != offsets.end() ? StartAt::offset(at->second.offset) : start);
  }
  consumer_.assign(std::move(assignment));
  joined_ = true;
  if (settings_.auto_commit) next_commit_ = shard_.now() + *settings_.auto_commit;
  co_return Result<>();
}

// --- Committing ---

CommittedOffsets GroupConsumer::positions() const {
  CommittedOffsets offsets;
  for (const TopicPartition& each : assignment_) {
    const auto position = consumer_.position(each);
    const auto known = committed_.find(each);
    if (!position || (known != committed_.end() && known->second == *position)) continue;
    offsets.emplace(each, CommittedOffset{.offset = *position});
  }
  return offsets;
}

Task<Result<>> GroupConsumer::commit(Deadline deadline) {
  if (!joined_) co_return Result<>();
  const CommittedOffsets offsets = positions();
  CO_CHECKED(co_await membership_.commit(offsets, deadline));
  for (const auto& [partition, committed] : offsets) {
    committed_.insert_or_assign(partition, committed.offset);
  }
  co_return Result<>();
}

Task<void> GroupConsumer::commit_if_due() {
  if (!joined_ || !settings_.auto_commit || shard_.now() < next_commit_) co_return;
  next_commit_ = shard_.now() + *settings_.auto_commit;
  if (membership_.is_lost() || membership_.is_rejoin_wanted()) co_return;
  const Result<> committed = co_await commit(shard_.now() + kCommitPatience);
  if (!committed) cluster_.log().warn("not committed: {}", describe(committed.error()));
}

Task<void> GroupConsumer::close() {
  if (joined_ && settings_.auto_commit && !membership_.is_lost()) {
    const Result<> committed = co_await commit(shard_.now() + kCommitPatience);
    if (!committed) cluster_.log().warn("not committed: {}", describe(committed.error()));
  }
  if (joined_ && settings_.on_revoked) settings_.on_revoked(assignment_);
  joined_ = false;
  const Result<> left = co_await membership_.leave(shard_.now() + kLeavePatience);
  if (!left) cluster_.log().warn("did not leave the group: {}", describe(left.error()));
  co_await vanish();
}

Task<void> GroupConsumer::vanish() {
  stop();
  co_await scope_.join();
  co_await consumer_.close();
  co_await membership_.close();
  co_await coordination_.close();
}

}  // namespace partita::client
