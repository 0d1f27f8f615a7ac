#pragma once
// A room with one consumer group, its log, and a cluster to read from. After every event it checks
// the group's invariants, that one member at most holds a partition by what the log says (I13), and
// now and then that the log, replayed, gives the same group.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "coordinators/group/cluster_image_test.h"
#include "coordinators/group/consumer_group.h"
#include "coordinators/group/consumer_protocol.h"
#include "wire/coordinator/consumer_group_current_member_assignment.h"

namespace partita::coordinators {

/// A request with the bytes that its view borrows.
template <class Message>
class Framed {
 public:
  Framed(const Message& message, int16_t version)
      : bytes_(join(*wire::encode_body(message, version))),
        view_(*Message::View::decode(bytes_.view(), version)) {}
  const typename Message::View& operator*() const { return view_; }

 private:
  Bytes bytes_;
  typename Message::View view_;
};

using Beat = wire::ConsumerGroupHeartbeatRequest;
using BeatAnswer = Result<wire::ConsumerGroupHeartbeatResponse>;
inline constexpr Caller kCaller{.client_id = "client", .host = "/127.0.0.1"};

inline Bytes subscription_bytes(const std::vector<std::string>& topics,
                                const PartitionSet& owned = {},
                                const metadata::Image* image = nullptr) {
  wire::ConsumerProtocolSubscription subscription;
  subscription.topics = topics;
  for (const auto& [id, partitions] : owned) {
    subscription.owned_partitions.push_back(
        {.topic = image->topic(id)->name, .partitions = {partitions.begin(), partitions.end()}});
  }
  return encode_behind(1, subscription, 1);
}

inline PartitionSet partitions_of(const wire::ConsumerGroupHeartbeatResponse& response) {
  PartitionSet partitions;
  for (const auto& topic : response.assignment->topic_partitions) {
    partitions[topic.topic_id].insert(topic.partitions.begin(), topic.partitions.end());
  }
  return partitions;
}

/// Who holds what by the records of kind 8.
class HoldersByLog {
 public:
  void read(const CoordinatorRecord& record) {
    const Numbered key = *parse_numbered(record.key.view());
    if (key.number != 8) return;
    const auto who = *decode_key<wire::ConsumerGroupCurrentMemberAssignmentKeyView>(key);
    auto& held = held_[std::string(who.member_id)];
    held.clear();
    if (!record.value) return;
    const auto value =
        *decode_value<wire::ConsumerGroupCurrentMemberAssignmentValueView>(record.value->view());
    for (const auto* side : {&value.assigned_partitions, &value.partitions_pending_revocation}) {
      for (const auto& topic : *side) {
        for (const int32_t partition : topic.partitions) held.emplace(topic.topic_id, partition);
      }
    }
  }
  /// Partitions that two members hold.
  size_t shared() const {
    std::map<std::pair<TopicId, int32_t>, int> count;
    for (const auto& [member, held] : held_) {
      for (const auto& partition : held) ++count[partition];
    }
    return static_cast<size_t>(
        std::ranges::count_if(count, [](const auto& entry) { return entry.second > 1; }));
  }

 private:
  std::map<std::string, std::set<std::pair<TopicId, int32_t>>> held_;
};

class ConsumerRoom {
 public:
  ConsumerRoom() : ConsumerRoom(GroupSettings{}) {}
  explicit ConsumerRoom(GroupSettings with) : settings(std::move(with)) {
    group = std::make_unique<ConsumerGroup>("g", settings, cluster.image());
  }

  BeatAnswer beat(Beat request) {
    request.group_id = "g";
    const Framed framed(request, 1);
    GroupEffects out;
    auto answer = request.member_epoch < kJoinEpoch
                      ? group->leave(*framed, now, out)
                      : group->heartbeat(kCaller, *framed, request.member_id, now, out);
    if (!answer) EXPECT_TRUE(out.records.empty()) << "a refusal changed something";
    commit(std::move(out));
    return answer;
  }
  /// Joins with those topics, and answers what it was given.
  BeatAnswer join(const std::string& member, const std::vector<std::string>& topics,
                  std::optional<std::string> instance = {}) {
    return beat({.member_id = member,
                 .member_epoch = kJoinEpoch,
                 .instance_id = std::move(instance),
                 .rebalance_timeout_ms = 60'000,
                 .subscribed_topic_names = topics,
                 .topic_partitions = std::vector<Beat::TopicPartitions>()});
  }
  /// A heartbeat that says nothing new; `owned` as asked for.
  BeatAnswer beat(const std::string& member, int32_t epoch,
                  const std::optional<PartitionSet>& owned = std::nullopt) {
    return beat({.member_id = member,
                 .member_epoch = epoch,
                 .topic_partitions = owned ? std::optional(wire_of(*owned)) : std::nullopt});
  }
  BeatAnswer leave(const std::string& member) {
    return beat({.member_id = member, .member_epoch = kLeaveEpoch});
  }
  /// Heartbeats that do what they are told until nothing changes any more.
  void settle() {
    for (int round = 0; round < 20 && group->state_name() != "Stable"; ++round) {
      std::vector<std::string> ids;
      for (const auto& [id, member] : group->members()) ids.push_back(id);
      for (const std::string& id : ids) {
        const ConsumerMember* member = &group->members().at(id);
        if (member->uses_classic() || member->has.epoch == kLeaveStaticEpoch) continue;
        PartitionSet owned;
        for_each_partition(member->has.assigned,
                           [&](const TopicId& t, int32_t p) { owned[t].insert(p); });
        ASSERT_TRUE(beat(id, member->has.epoch, owned).has_value());
      }
    }
    EXPECT_EQ(group->state_name(), "Stable");
  }

  Result<wire::JoinGroupResponse> classic_join(const std::string& member,
                                               const std::vector<std::string>& topics,
                                               const PartitionSet& owned = {},
                                               std::optional<std::string> instance = {}) {
    wire::JoinGroupRequest request;
    request.group_id = "g";
    request.member_id = member;
    request.group_instance_id = std::move(instance);
    request.session_timeout_ms = 10'000;
    request.rebalance_timeout_ms = 60'000;
    request.protocol_type = "consumer";
    request.protocols.push_back(
        {.name = "range", .metadata = subscription_bytes(topics, owned, cluster.image().get())});
    const Framed framed(request, 9);
    GroupEffects out;
    auto answer = group->join(kCaller, *framed, "made-id", now, out);
    commit(std::move(out));
    return answer;
  }
  Result<wire::SyncGroupResponse> classic_sync(const std::string& member, int32_t generation) {
    wire::SyncGroupRequest request;
    request.group_id = "g";
    request.member_id = member;
    request.generation_id = generation;
    const Framed framed(request, 5);
    return group->sync(*framed, now);
  }
  Result<> classic_beat(const std::string& member, int32_t generation) {
    const Framed framed(
        wire::HeartbeatRequest{.group_id = "g", .generation_id = generation, .member_id = member},
        4);
    return group->classic_heartbeat(*framed, now);
  }
  int16_t classic_leave(const std::string& member) {
    const Framed framed(
        wire::LeaveGroupRequest{
            .group_id = "g",
            .members = {{.member_id = member, .group_instance_id = {}, .reason = {}}}},
        5);
    GroupEffects out;
    std::vector<ConsumerGroup::LeavingMember> leaving;
    for (const auto& who : (*framed).members) leaving.push_back(who);
    const auto answers = group->classic_leave(leaving, now, out);
    commit(std::move(out));
    return answers.front().error_code;
  }
  PartitionSet parse(const Bytes& assignment) const {
    PartitionSet partitions;
    const auto view = *parse_assignment(assignment.view());
    for (const auto& topic : view.assigned_partitions) {
      for (const int32_t index : topic.partitions) {
        partitions[cluster.id(std::string(topic.topic))].insert(index);
      }
    }
    return partitions;
  }

  void show_image() {
    GroupEffects out;
    group->image_changed(cluster.image(), now, out);
    commit(std::move(out));
  }
  void topic(const std::string& name, int32_t partitions) {
    cluster.topic(name, partitions);
    show_image();
  }
  void pass(Duration time) {
    now.instant = now.instant + time;
    now.wall = WallTime(now.wall.ms() + to_ms(time));
    if (group->next_deadline() > now.instant) return;
    GroupEffects out;
    group->tick(now, out);
    commit(std::move(out));
  }

  void commit(GroupEffects out) {
    for (const CoordinatorRecord& record : out.records) {
      holders.read(record);
      kinds.push_back(parse_numbered(record.key.view())->number);
      log.push_back(record);
    }
    EXPECT_EQ(holders.shared(), 0u) << "two members hold one partition";
    group->check_invariants();
  }

  /// The same log in another process, before it is loaded.
  std::unique_ptr<ConsumerGroup> replayed(const std::vector<CoordinatorRecord>& records) const {
    auto other = std::make_unique<ConsumerGroup>("g", settings, cluster.image());
    for (const CoordinatorRecord& record : records) {
      const std::optional<ByteView> value =
          record.value ? std::optional(record.value->view()) : std::nullopt;
      const auto there =
          other->replay(*parse_numbered(record.key.view()), {.key = record.key.view(),
                                                             .value = value,
                                                             .offset = {},
                                                             .timestamp = {},
                                                             .transaction = {}});
      EXPECT_TRUE(there.has_value());
      if (there && !*there) other = std::make_unique<ConsumerGroup>("g", settings, cluster.image());
    }
    return other;
  }
  /// As a cleaner leaves it: the last record of every key.
  std::vector<CoordinatorRecord> compacted() const {
    std::map<std::vector<uint8_t>, size_t> last;
    for (size_t at = 0; at < log.size(); ++at) {
      const ByteView key = log[at].key.view();
      last[{key.begin(), key.end()}] = at;
    }
    std::set<size_t> kept;
    for (const auto& [key, at] : last) kept.insert(at);
    std::vector<CoordinatorRecord> records;
    for (const size_t at : kept) records.push_back(log[at]);
    return records;
  }
  static std::string text_of(const ConsumerGroup& shown) {
    std::string text = fmt::format("epoch {} target {}", shown.epoch(), shown.target_epoch());
    for (const auto& [id, member] : shown.members()) {
      const CoordinatorRecord ask = ask_record("g", id, member.ask);
      const CoordinatorRecord has = has_record("g", id, member.has);
      text += fmt::format("\n{} {} {}", id, fmt::join(ask.value->view(), ","),
                          fmt::join(has.value->view(), ","));
      for_each_partition(shown.target_of(id), [&](const TopicId& topic, int32_t partition) {
        text += fmt::format(" {}-{}", topic.to_string(), partition);
      });
    }
    std::vector<CoordinatorRecord> everything;
    shown.write_tombstones(everything);
    for (const auto& record : everything)
      text += fmt::format("\n{}", fmt::join(record.key.view(), ","));
    return text;
  }
  void expect_replay_equals_live() const {
    EXPECT_EQ(text_of(*replayed(log)), text_of(*group));
    EXPECT_EQ(text_of(*replayed(compacted())), text_of(*group));
  }
  std::string why() const { return group->rebalances().to_json({}, now); }
  /// Another coordinator takes over.
  void fail_over() {
    expect_replay_equals_live();
    group = replayed(compacted());
    GroupEffects out;
    group->loaded(now, out);
    commit(std::move(out));
  }

  static std::vector<Beat::TopicPartitions> wire_of(const PartitionSet& partitions) {
    std::vector<Beat::TopicPartitions> topics;
    for (const auto& [topic, indexes] : partitions) {
      topics.push_back({.topic_id = topic, .partitions = {indexes.begin(), indexes.end()}});
    }
    return topics;
  }

  GroupSettings settings;
  ClusterImage cluster;
  std::unique_ptr<ConsumerGroup> group;
  Now now{.instant = Instant(1h), .wall = WallTime(1'700'000'000'000)};
  std::vector<CoordinatorRecord> log;
  std::vector<int16_t> kinds;  ///< of all records so far
  HoldersByLog holders;
};

}  // namespace partita::coordinators
