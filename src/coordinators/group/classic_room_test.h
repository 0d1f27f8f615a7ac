#pragma once
// A classic group with its clock, for tests: requests as their answers, what was written, who
// waits.

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fault_points.h"
#include "coordinators/group/classic_group.h"
#include "coordinators/group/group_machine.h"
#include "wire/data/consumer_protocol_assignment.h"
#include "wire/data/consumer_protocol_subscription.h"
#include "wire/error_code.h"

namespace partita::coordinators {

/// Counts, so that tests can be read.
struct CountingIds : IdSource {
  Uuid next() override {
    std::array<uint8_t, 16> bytes{};
    store_be<uint32_t>(bytes.data() + 12, ++count);
    return Uuid(bytes);
  }
  uint32_t count = 0;
};

/// A request's view, with the bytes that it lies in.
template <class Request>
class Sent {
 public:
  Sent(const Request& request, int16_t version)
      : bytes_(join(wire::encode_body(request, version).value())),
        view_(Request::View::decode(bytes_.view(), version).value()) {}
  const typename Request::View& operator*() const { return view_; }

 private:
  Bytes bytes_;
  typename Request::View view_;
};

inline Bytes subscription_to(const std::vector<std::string>& topics) {
  wire::ConsumerProtocolSubscription subscription;
  subscription.topics = topics;
  return encode_value(subscription, 1);
}

inline Bytes assignment_of(const std::string& topic, std::vector<int32_t> partitions) {
  wire::ConsumerProtocolAssignment assignment;
  assignment.assigned_partitions.push_back({.topic = topic, .partitions = std::move(partitions)});
  return encode_value(assignment, 1);
}

inline Bytes bytes_of_size(size_t size) {
  return Bytes::copy_of(std::string(size, 'x'));
}

/// Switches a planted fault on for a scope.
class WithMutant {
 public:
  explicit WithMutant(std::string_view name) { faults::set_mutant(name); }
  ~WithMutant() { faults::set_mutant(""); }
};

struct JoinBy {
  std::string member_id = "";
  std::optional<std::string> instance_id = {};
  std::vector<std::pair<std::string, Bytes>> protocols = {{"range", subscription_to({"t"})}};
  int16_t version = 9;
  Duration session = 10s;
  Duration rebalance = 60s;
  std::string protocol_type = "consumer";
  std::string client = "c";
  std::optional<std::string> reason = {};
};

inline wire::JoinGroupRequest join_request(const std::string& group, const JoinBy& by) {
  wire::JoinGroupRequest request;
  request.group_id = group;
  request.session_timeout_ms = static_cast<int32_t>(to_ms(by.session));
  request.rebalance_timeout_ms = static_cast<int32_t>(to_ms(by.rebalance));
  request.member_id = by.member_id;
  request.group_instance_id = by.instance_id;
  request.protocol_type = by.protocol_type;
  for (const auto& [name, metadata] : by.protocols) request.protocols.push_back({name, metadata});
  request.reason = by.reason;
  return request;
}

struct SyncBy {
  std::string member_id;
  int32_t generation = 1;
  std::vector<std::pair<std::string, Bytes>> assignments = {};
  std::optional<std::string> instance_id = {};
  int16_t version = 5;
  std::optional<std::string> protocol_name = {};
};

inline wire::SyncGroupRequest sync_request(const std::string& group, const SyncBy& by) {
  wire::SyncGroupRequest request;
  request.group_id = group;
  request.generation_id = by.generation;
  request.member_id = by.member_id;
  request.group_instance_id = by.instance_id;
  request.protocol_name = by.protocol_name;
  for (const auto& [member, bytes] : by.assignments) request.assignments.push_back({member, bytes});
  return request;
}

class ClassicRoom {
 public:
  explicit ClassicRoom(GroupSettings given = {})
      : settings(std::move(given)), group("g", settings, ids) {}

  Ticket join(const JoinBy& by) {
    const Ticket ticket = ++tickets_;
    const Sent<wire::JoinGroupRequest> sent(join_request("g", by), by.version);
    GroupEffects out;
    group.join({.client_id = by.client, .host = "/127.0.0.1"}, *sent, ticket, now, out);
    take(std::move(out));
    return ticket;
  }
  /// A member id, by the two steps of a dynamic member.
  std::string new_id(const JoinBy& by = {}) {
    const Ticket ticket = join(by);
    EXPECT_EQ(joined.at(ticket).error_code, wire::error_code(Errc::member_id_required));
    return joined.at(ticket).member_id;
  }
  /// Both steps; the answer waits for the group.
  Ticket join_new(JoinBy by = {}) {
    by.member_id = new_id(by);
    return join(by);
  }
  Ticket sync(const SyncBy& by) {
    const Ticket ticket = ++tickets_;
    const Sent<wire::SyncGroupRequest> sent(sync_request("g", by), by.version);
    GroupEffects out;
    group.sync(*sent, ticket, now, out);
    take(std::move(out));
    return ticket;
  }
  int16_t heartbeat(const std::string& member_id, int32_t generation,
                    std::optional<std::string> instance_id = {}) {
    wire::HeartbeatRequest request;
    request.group_id = "g";
    request.member_id = member_id;
    request.generation_id = generation;
    request.group_instance_id = std::move(instance_id);
    const Sent<wire::HeartbeatRequest> sent(request, 4);
    const int16_t code = wire::error_code(group.heartbeat(*sent, now));
    check();
    return code;
  }
  wire::LeaveGroupResponse leave(
      const std::vector<std::pair<std::string, std::optional<std::string>>>& members,
      int16_t version = 5) {
    wire::LeaveGroupRequest request;
    request.group_id = "g";
    if (version < 3) request.member_id = members.front().first;
    for (const auto& [id, instance] : members) {
      if (version >= 3) request.members.push_back({id, instance, std::nullopt});
    }
    const Sent<wire::LeaveGroupRequest> sent(request, version);
    GroupEffects out;
    wire::LeaveGroupResponse response = group.leave(*sent, now, out);
    take(std::move(out));
    return response;
  }
  /// Lets time pass; the group is ticked when it asked for it.
  void pass(Duration time) {
    const Instant until = now.instant + time;
    while (group.next_deadline() <= until) {
      advance(std::max(group.next_deadline(), now.instant));
      GroupEffects out;
      group.tick(now, out);
      take(std::move(out));
    }
    advance(until);
  }

  wire::JoinGroupResponse& answer(Ticket ticket) { return joined.at(ticket); }
  bool waits(Ticket ticket) const { return !joined.contains(ticket) && !synced.contains(ticket); }
  int16_t join_error(Ticket ticket) const { return joined.at(ticket).error_code; }
  int16_t sync_error(Ticket ticket) const { return synced.at(ticket).error_code; }
  std::string_view state() const { return group.state_name(); }

  /// So many members in a stable group at generation 1, the leader first; partition i of `t` each.
  std::vector<std::string> stable(size_t members, const JoinBy& by = {}) {
    std::vector<Ticket> tickets;
    for (size_t i = 0; i < members; i++) {
      JoinBy one = by;
      if (by.instance_id) one.instance_id = *by.instance_id + std::to_string(i);
      tickets.push_back(one.instance_id ? join(one) : join_new(one));
    }
    pass(settings.initial_rebalance_delay * 3);
    std::vector<std::string> ids;
    for (const Ticket ticket : tickets) ids.push_back(answer(ticket).member_id);
    const auto leader = std::ranges::find(ids, group.leader());
    std::iter_swap(ids.begin(), leader);
    settle(ids);
    return ids;
  }
  /// Everybody syncs, the leader last; partition i of `t` for the i-th.
  void settle(const std::vector<std::string>& ids) {
    SyncBy leader{.member_id = group.leader(), .generation = group.generation()};
    for (size_t i = 0; i < ids.size(); i++) {
      leader.assignments.emplace_back(ids[i], assignment_of("t", {static_cast<int32_t>(i)}));
    }
    for (const std::string& id : ids) {
      if (id != leader.member_id) sync({.member_id = id, .generation = group.generation()});
    }
    EXPECT_EQ(sync_error(sync(leader)), 0);
    EXPECT_EQ(state(), "Stable");
  }

  GroupSettings settings;
  CountingIds ids;
  ClassicGroup group;
  Now now{.instant = Instant(1h), .wall = WallTime(1'700'000'000'000)};
  std::vector<CoordinatorRecord> records;
  std::map<Ticket, wire::JoinGroupResponse> joined;
  std::map<Ticket, wire::SyncGroupResponse> synced;
  /// Off where a planted fault breaks what the group itself checks.
  bool checking = true;

 private:
  void advance(Instant to) {
    now.wall = WallTime(now.wall.ms() + to_ms(to - now.instant));
    now.instant = to;
  }
  void check() const {
    if (checking) group.check_invariants();
  }
  void take(GroupEffects out) {
    check();
    for (CoordinatorRecord& record : out.records) records.push_back(std::move(record));
    for (GroupRelease& release : out.releases) {
      if (auto* join = std::get_if<JoinAnswer>(&release)) {
        EXPECT_TRUE(joined.emplace(join->ticket, std::move(join->response)).second);
      } else if (auto* sync = std::get_if<SyncAnswer>(&release)) {
        EXPECT_TRUE(synced.emplace(sync->ticket, std::move(sync->response)).second);
      }
    }
  }

  Ticket tickets_ = 0;
};

}  // namespace partita::coordinators
