// GroupMembership: joining and syncing. Heartbeats, commits and leaving are group_life.cc's.

#include "client/group_membership.h"

#include <algorithm>

#include "base/fault_points.h"
#include "client/consumer_protocol.h"
#include "wire/error_code.h"
#include "wire/messages/join_group.h"
#include "wire/messages/sync_group.h"

namespace partita::client {
namespace {

constexpr std::string_view kRange = "range";
constexpr Duration kBeyondRebalance = 5s;  // of an answer to JoinGroup, as Java's client waits

}  // namespace

GroupMembership::GroupMembership(Cluster& cluster, GroupMembershipSettings settings)
    : cluster_(cluster),
      shard_(cluster.shard()),
      settings_(std::move(settings)),
      scope_(shard_),
      coordinator_(cluster, CoordinatorType::group, settings_.group) {}

GroupMembership::~GroupMembership() {
  CHECK(scope_.task_count() == 0);
}

void GroupMembership::note_change() {
  woken_.wake_all();
  if (changed_) changed_();
}

void GroupMembership::want_rejoin() {
  rejoin_wanted_ = true;
  note_change();
}

void GroupMembership::lose() {
  COVERED("client.membership_lost");
  state_ = State::unjoined;
  generation_ = -1;
  rejoin_wanted_ = true;
  note_change();
}

bool GroupMembership::take_error(Errc code) {
  if (is_coordinator_moved(code) || is_connection_error(code) ||
      code == Errc::leader_not_available) {
    coordinator_.forget();
    return true;
  }
  switch (code) {
    case Errc::coordinator_load_in_progress: return true;
    case Errc::rebalance_in_progress: rejoin_wanted_ = true; return true;
    case Errc::unknown_member_id: member_id_.clear(); [[fallthrough]];
    case Errc::illegal_generation: lose(); return true;
    default: return false;
  }
}

// --- Joining ---

Task<Result<std::vector<TopicPartition>>> GroupMembership::join(std::vector<std::string> topics,
                                                                Deadline deadline) {
  for (const std::string& topic : topics) cluster_.follow(topic);
  Backoff pauses = cluster_.backoff();
  while (true) {
    if (scope_.closed()) co_return fail(Errc::stopped, "the member has left");
    state_ = State::joining;
    rejoin_wanted_ = false;
    const Result<Joined> joined = co_await join_once(topics, deadline);
    Result<std::vector<TopicPartition>> assigned = fail(Errc::rebalance_in_progress);
    if (joined) {
      assigned = co_await sync(*joined, deadline);
    } else {
      assigned = std::unexpected(joined.error());
    }
    if (assigned) {
      state_ = State::stable;
      last_answer_ = shard_.now();
      if (!std::exchange(running_, true)) scope_.spawn(run_heartbeats());
      woken_.wake_all();
      co_return assigned;
    }
    if (!take_error(assigned.error().code)) {
      state_ = State::unjoined;
      co_return assigned;
    }
    // A rebalance that goes on is joined at once; what failed is given a moment.
    if (assigned.error().code == Errc::rebalance_in_progress) continue;
    const Duration pause = pauses.next();
    if (shard_.now() + pause >= deadline) co_return assigned;
    CO_CHECKED(co_await sleep_for(scope_, pause));
  }
}

Task<Result<GroupMembership::Joined>> GroupMembership::join_once(std::vector<std::string> topics,
                                                                 Deadline deadline) {
  CO_TRY(const Bytes subscription, encode_subscription({.topics = std::move(topics)}));
  const Duration patience = settings_.rebalance_timeout + kBeyondRebalance;
  while (true) {
    CO_TRY(const NodeId node, co_await coordinator_.find(scope_, deadline));
    wire::JoinGroupRequest request;
    request.group_id = settings_.group;
    request.session_timeout_ms = static_cast<int32_t>(to_ms(settings_.session_timeout));
    request.rebalance_timeout_ms = static_cast<int32_t>(to_ms(settings_.rebalance_timeout));
    request.member_id = member_id_;
    request.group_instance_id = settings_.instance_id;
    request.protocol_type = std::string(kConsumerProtocolType);
    auto& protocol = request.protocols.emplace_back();
    protocol.name = std::string(kRange);
    protocol.metadata = subscription;
    CO_TRY(const Answer answer,
           co_await cluster_.ask(scope_, node, std::move(request), deadline, INT16_MAX, patience));
    Result<Joined> joined = take_join(answer);
    // The first round only hands out an id.
    if (joined || joined.error().code != Errc::member_id_required) co_return joined;
  }
}

Result<GroupMembership::Joined> GroupMembership::take_join(const Answer& answer) {
  TRY(const auto response, wire::JoinGroupResponseView::decode(answer.body.view(), answer.version));
  const auto error = wire::errc_of(response.error_code);
  if (!error || *error == Errc::member_id_required) member_id_ = std::string(response.member_id);
  if (error) return fail(*error);
  generation_ = response.generation_id;
  Joined joined{.protocol = std::string(response.protocol_name.value_or(kRange)),
                .leads = response.leader == member_id_ && !response.skip_assignment,
                .subscriptions = {}};
  for (const auto& each : response.members) {
    joined.subscriptions.emplace(each.member_id, Bytes::copy_of(each.metadata));
  }
  return joined;
}

Task<Result<std::map<std::string, std::vector<TopicPartition>>>> GroupMembership::assign(
    Joined joined, Deadline deadline) {
  std::map<std::string, std::vector<std::string>> topics_by_member;
  for (const auto& [member, bytes] : joined.subscriptions) {
    const auto subscription = decode_subscription(bytes.view());
    // Who says nothing that makes sense gets nothing, and keeps nobody else from working.
    std::vector<std::string> topics =
        subscription ? subscription->topics : std::vector<std::string>();
    for (const std::string& topic : topics) cluster_.follow(topic);
    topics_by_member.emplace(member, std::move(topics));
  }
  CO_CHECKED(co_await cluster_.refresh(scope_, deadline));
  partition_counts_.clear();
  for (const auto& [member, topics] : topics_by_member) {
    for (const std::string& name : topics) {
      const TopicPtr topic = cluster_.known_topic(name);
      partition_counts_[name] = topic && !topic->error ? topic->partitions.size() : 0;
    }
  }
  co_return assign_ranges(topics_by_member, partition_counts_);
}

Task<Result<std::vector<TopicPartition>>> GroupMembership::sync(Joined joined, Deadline deadline) {
  wire::SyncGroupRequest request;
  request.group_id = settings_.group;
  request.generation_id = generation_;
  request.member_id = member_id_;
  request.group_instance_id = settings_.instance_id;
  request.protocol_type = std::string(kConsumerProtocolType);
  request.protocol_name = joined.protocol;
  partition_counts_.clear();
  if (joined.leads) {
    CO_TRY(const auto assigned, co_await assign(std::move(joined), deadline));
    for (const auto& [member, partitions] : assigned) {
      auto& entry = request.assignments.emplace_back();
      entry.member_id = member;
      CO_TRY(entry.assignment, encode_assignment(partitions));
    }
  }
  CO_TRY(const NodeId node, co_await coordinator_.find(scope_, deadline));
  const Duration patience = settings_.rebalance_timeout + kBeyondRebalance;
  CO_TRY(const Answer answer,
         co_await cluster_.ask(scope_, node, std::move(request), deadline, INT16_MAX, patience));
  CO_TRY(const auto response,
         wire::SyncGroupResponseView::decode(answer.body.view(), answer.version));
  if (const auto error = wire::errc_of(response.error_code)) co_return fail(*error);
  if (response.assignment.empty()) co_return std::vector<TopicPartition>();
  co_return decode_assignment(response.assignment);
}

}  // namespace partita::client
