#pragma once
// A group coordinator for tests, beside the scripted broker: one classic group, kept in memory,
// that judges generations and hands assignments on, and misbehaves when told.

#include <map>
#include <set>

#include "client/scripted_broker_test.h"
#include "wire/messages/find_coordinator.h"
#include "wire/messages/heartbeat.h"
#include "wire/messages/join_group.h"
#include "wire/messages/leave_group.h"
#include "wire/messages/offset_commit.h"
#include "wire/messages/offset_fetch.h"
#include "wire/messages/sync_group.h"

namespace partita::client {

class ScriptedGroup {
 public:
  explicit ScriptedGroup(std::string address) : address_(std::move(address)) {}

  /// Nothing where the request is no group's.
  Task<std::optional<rpc::Response>> handle(rpc::Request request) {
    switch (request.api_key) {
      case wire::ApiKey::find_coordinator: co_return find_coordinator(request);
      case wire::ApiKey::join_group: co_return co_await join(std::move(request));
      case wire::ApiKey::sync_group: co_return co_await sync(std::move(request));
      case wire::ApiKey::heartbeat: co_return heartbeat(request);
      case wire::ApiKey::leave_group: co_return leave(request);
      case wire::ApiKey::offset_commit: co_return commit(request);
      case wire::ApiKey::offset_fetch: co_return fetch(request);
      default: co_return std::nullopt;
    }
  }
  /// A member is thrown out, as when its session ended.
  void forget(const std::string& member) {
    members.erase(member);
    begin_rebalance();
  }

  struct Member {
    Bytes subscription;
    Bytes assignment;
    bool joined = false;
  };
  std::map<std::string, Member> members;
  std::map<TopicPartition, int64_t> committed;
  int32_t generation = 0;
  size_t rebalances = 0;
  int not_coordinator = 0;  ///< so many requests are answered like that
  std::set<int32_t> generations_committed;

 private:
  enum class Phase { stable, joining, syncing };

  void begin_rebalance() {
    if (phase_ != Phase::joining) rebalances++;
    phase_ = Phase::joining;
    for (auto& [id, member] : members) member.joined = false;
    changed_.wake_all();
  }
  bool all_joined() const {
    return std::ranges::all_of(members, [](const auto& each) { return each.second.joined; });
  }
  std::optional<Errc> judge(std::string_view member, int32_t of_generation) {
    if (not_coordinator > 0) {
      not_coordinator--;
      return Errc::not_coordinator;
    }
    if (!members.contains(std::string(member))) return Errc::unknown_member_id;
    if (of_generation != generation) return Errc::illegal_generation;
    return std::nullopt;
  }
  static int16_t code_of(std::optional<Errc> error) {
    return error ? wire::error_code(*error) : wire::kNoError;
  }

  rpc::Response find_coordinator(const rpc::Request& request) const {
    const auto asked = wire::FindCoordinatorRequestView::decode(request.body, request.version);
    wire::FindCoordinatorResponse response;
    for (const std::string_view key : asked->coordinator_keys) {
      response.coordinators.push_back(
          {.key = std::string(key), .node_id = 1, .host = address_, .port = 9092});
    }
    return rpc::reply(request, response);
  }

  Task<std::optional<rpc::Response>> join(rpc::Request request) {
    const auto asked = wire::JoinGroupRequestView::decode(request.body, request.version);
    wire::JoinGroupResponse response;
    std::string id(asked->member_id);
    if (id.empty()) {
      response.member_id = "member-" + std::to_string(next_id_++);
      response.error_code = wire::error_code(Errc::member_id_required);
      handed_out_.insert(response.member_id);
      co_return rpc::reply(request, response);
    }
    response.member_id = id;
    if (!members.contains(id) && !handed_out_.contains(id)) {
      response.error_code = wire::error_code(Errc::unknown_member_id);
      co_return rpc::reply(request, response);
    }
    handed_out_.erase(id);
    if (phase_ != Phase::joining) begin_rebalance();
    Member& member = members[id];
    member.subscription = Bytes::copy_of((*asked->protocols.begin()).metadata);
    member.joined = true;
    const int32_t before = generation;
    if (all_joined()) {
      generation++;
      phase_ = Phase::syncing;
      changed_.wake_all();
    }
    while (generation == before) {
      if (!co_await changed_.wait(*request.scope)) co_return rpc::Response::closing("stopped");
    }
    response.generation_id = generation;
    response.protocol_name = "range";
    response.leader = members.begin()->first;
    if (response.leader == id) {
      for (const auto& [name, each] : members) {
        auto& out = response.members.emplace_back();
        out.member_id = name;
        out.metadata = each.subscription;
      }
    }
    co_return rpc::reply(request, response);
  }

  Task<std::optional<rpc::Response>> sync(rpc::Request request) {
    const auto asked = wire::SyncGroupRequestView::decode(request.body, request.version);
    const std::string id(asked->member_id);
    wire::SyncGroupResponse response;
    std::optional<Errc> error = judge(id, asked->generation_id);
    if (!error && !asked->assignments.empty()) {
      for (const auto& each : asked->assignments) {
        members[std::string(each.member_id)].assignment = Bytes::copy_of(each.assignment);
      }
      phase_ = Phase::stable;
      changed_.wake_all();
    }
    while (!error && phase_ == Phase::syncing) {
      if (!co_await changed_.wait(*request.scope)) co_return rpc::Response::closing("stopped");
      error = judge(id, asked->generation_id);
    }
    if (!error && phase_ == Phase::joining) error = Errc::rebalance_in_progress;
    response.error_code = code_of(error);
    if (!error) response.assignment = members[id].assignment;
    co_return rpc::reply(request, response);
  }

  rpc::Response heartbeat(const rpc::Request& request) {
    const auto asked = wire::HeartbeatRequestView::decode(request.body, request.version);
    wire::HeartbeatResponse response;
    std::optional<Errc> error = judge(asked->member_id, asked->generation_id);
    if (!error && phase_ == Phase::joining) error = Errc::rebalance_in_progress;
    response.error_code = code_of(error);
    return rpc::reply(request, response);
  }

  rpc::Response leave(const rpc::Request& request) {
    const auto asked = wire::LeaveGroupRequestView::decode(request.body, request.version);
    for (const auto& each : asked->members) members.erase(std::string(each.member_id));
    begin_rebalance();
    return rpc::reply(request, wire::LeaveGroupResponse());
  }

  rpc::Response commit(const rpc::Request& request) {
    const auto asked = wire::OffsetCommitRequestView::decode(request.body, request.version);
    const auto error = judge(asked->member_id, asked->generation_id_or_member_epoch);
    if (!error) generations_committed.insert(asked->generation_id_or_member_epoch);
    wire::OffsetCommitResponse response;
    for (const auto& topic : asked->topics) {
      auto& out = response.topics.emplace_back();
      out.name = std::string(topic.name);
      for (const auto& each : topic.partitions) {
        out.partitions.push_back(
            {.partition_index = each.partition_index, .error_code = code_of(error)});
        if (error) continue;
        committed[{out.name, PartitionIndex(each.partition_index)}] = each.committed_offset;
      }
    }
    return rpc::reply(request, response);
  }

  rpc::Response fetch(const rpc::Request& request) const {
    wire::OffsetFetchResponse response;
    for (const auto& [partition, offset] : committed) {
      auto& topic = response.topics.emplace_back();
      topic.name = partition.topic;
      topic.partitions.push_back(
          {.partition_index = partition.partition.value(), .committed_offset = offset});
    }
    return rpc::reply(request, response);
  }

  const std::string address_;
  Phase phase_ = Phase::stable;
  int next_id_ = 1;
  std::set<std::string> handed_out_;
  WaitQueue changed_;
};

}  // namespace partita::client
