// GroupMembership: what a member does between two joins.

#include "base/fault_points.h"
#include "client/admin_call.h"
#include "client/group_membership.h"
#include "client/leader_call.h"
#include "wire/messages/heartbeat.h"
#include "wire/messages/leave_group.h"
#include "wire/messages/offset_commit.h"

namespace partita::client {
namespace {

constexpr int16_t kLastCommitWithNames = 9;

/// The first refusal; one of the coordinator or the generation is the same for all.
Result<bool> read_commit(const Answer& answer) {
  TRY(const auto response,
      wire::OffsetCommitResponseView::decode(answer.body.view(), answer.version));
  for (const auto& topic : response.topics) {
    for (const auto& each : topic.partitions) {
      CHECKED(result_of(each.error_code, std::nullopt));
    }
  }
  return true;
}

Result<bool> read_heartbeat(const Answer& answer) {
  TRY(const auto response, wire::HeartbeatResponseView::decode(answer.body.view(), answer.version));
  CHECKED(result_of(response.error_code, std::nullopt));
  return true;
}

Result<bool> read_leave(const Answer& answer) {
  TRY(const auto response,
      wire::LeaveGroupResponseView::decode(answer.body.view(), answer.version));
  CHECKED(result_of(response.error_code, std::nullopt));
  for (const auto& each : response.members) CHECKED(result_of(each.error_code, std::nullopt));
  return true;
}

}  // namespace

Task<void> GroupMembership::run_heartbeats() {
  Instant next = shard_.now() + settings_.heartbeat_interval;
  while (!scope_.closed()) {
    if (!co_await sleep_until(scope_, next)) co_return;
    next = shard_.now() + settings_.heartbeat_interval;
    if (state_ != State::stable) continue;
    co_await heartbeat();
    if (state_ == State::stable) co_await watch_topics();
  }
}

Task<void> GroupMembership::heartbeat() {
  wire::HeartbeatRequest request;
  request.group_id = settings_.group;
  request.generation_id = generation_;
  request.member_id = member_id_;
  request.group_instance_id = settings_.instance_id;
  const int32_t generation = generation_;
  const Deadline deadline = last_answer_ + settings_.session_timeout;
  const Result<bool> answer =
      co_await coordinator_.ask<bool>(scope_, std::move(request), read_heartbeat, deadline);
  // It may have been joined anew meanwhile.
  if (scope_.closed() || generation != generation_ || state_ != State::stable) co_return;
  if (answer) {
    last_answer_ = shard_.now();
    co_return;
  }
  if (answer.error().code == Errc::rebalance_in_progress) {
    last_answer_ = shard_.now();
    if (!rejoin_wanted_) want_rejoin();
    co_return;
  }
  if (!take_error(answer.error().code) || shard_.now() >= deadline) lose();
}

Task<void> GroupMembership::watch_topics() {
  if (partition_counts_.empty() || !cluster_.is_stale()) co_return;
  const Result<> refreshed =
      co_await cluster_.refresh(scope_, shard_.now() + cluster_.settings().request_timeout);
  if (!refreshed || state_ != State::stable) co_return;
  for (const auto& [name, count] : partition_counts_) {
    const TopicPtr topic = cluster_.known_topic(name);
    const size_t now = topic && !topic->error ? topic->partitions.size() : 0;
    if (now == count) continue;
    COVERED("client.topic_changed_under_group");
    want_rejoin();
    co_return;
  }
}

Task<Result<>> GroupMembership::commit(CommittedOffsets offsets, Deadline deadline) {
  if (offsets.empty()) co_return Result<>();
  wire::OffsetCommitRequest request;
  request.group_id = settings_.group;
  request.generation_id_or_member_epoch = generation_;
  request.member_id = member_id_;
  request.group_instance_id = settings_.instance_id;
  for (auto& [name, committed] : offsets) {
    auto& partition = topic_in(request.topics, name.topic).partitions.emplace_back();
    partition.partition_index = name.partition.value();
    partition.committed_offset = committed.offset.value();
    partition.committed_leader_epoch = committed.leader_epoch.value();
    partition.committed_metadata = std::move(committed.metadata);
  }
  const int32_t generation = generation_;
  const Result<bool> done = co_await coordinator_.ask<bool>(scope_, std::move(request), read_commit,
                                                            deadline, kLastCommitWithNames);
  if (done) co_return Result<>();
  const Errc code = done.error().code;
  if (generation == generation_ && state_ == State::stable) {
    if (code == Errc::rebalance_in_progress) want_rejoin();
    if (code == Errc::unknown_member_id) member_id_.clear();
    if (code == Errc::unknown_member_id || code == Errc::illegal_generation) lose();
  }
  co_return std::unexpected(done.error());
}

Task<Result<CommittedOffsets>> GroupMembership::committed(Deadline deadline) {
  GroupAdmin admin(scope_, cluster_);
  co_return co_await admin.committed(settings_.group, deadline);
}

Task<Result<>> GroupMembership::leave(Deadline deadline) {
  if (member_id_.empty() || settings_.instance_id) co_return Result<>();
  state_ = State::unjoined;
  wire::LeaveGroupRequest request;
  request.group_id = settings_.group;
  auto& member = request.members.emplace_back();
  member.member_id = std::exchange(member_id_, {});
  const Result<bool> left =
      co_await coordinator_.ask<bool>(scope_, std::move(request), read_leave, deadline);
  // Who is not known there any more has left.
  if (left || left.error().code == Errc::unknown_member_id) co_return Result<>();
  co_return std::unexpected(left.error());
}

Task<void> GroupMembership::close() {
  scope_.close();
  co_await scope_.join();
}

}  // namespace partita::client
