#include <gtest/gtest.h>

#include "coordinators/group/group_machine.h"
#include "coordinators/group/offset_store.h"
#include "metadata/delta.h"
#include "wire/error_code.h"
#include "wire/metadata_record.h"

namespace partita::coordinators {
namespace {

constexpr TopicId kIdT{{1}};
constexpr TopicId kIdNew{{2}};
constexpr int64_t kDayMs = 24 * 3600 * 1000;
constexpr int16_t kVersion = 9;

int16_t code(Errc errc) {
  return wire::error_code(errc);
}

struct CountingIds final : IdSource {
  Uuid next() override { return Uuid::from_random(0, ++count); }
  uint64_t count = 0;
};

std::shared_ptr<const metadata::Image> image_with(const TopicId& id) {
  metadata::Delta delta(metadata::Image::empty());
  wire::TopicRecord topic;
  topic.name = "t";
  topic.topic_id = id;
  EXPECT_TRUE(delta.replay(join(*wire::encode_metadata(topic, 0)).view()));
  auto finished = std::move(delta).finish(Offset(1), LeaderEpoch(1), 0);
  EXPECT_TRUE(finished);
  return finished->image;
}

/// A machine with its clock and what it has written.
class Machine {
 public:
  explicit Machine(GroupSettings given = {}) : settings(given) {}

  /// Writes what an event led to and answers how many records that were.
  size_t written(const GroupEffects& effects) {
    for (const CoordinatorRecord& record : effects.records) {
      log.push_back({record, effects.transaction});
    }
    machine.check_invariants();
    machine.offsets().check_invariants();
    return effects.records.size();
  }

  wire::OffsetCommitResponse commit(const wire::OffsetCommitRequest& request,
                                    int16_t version = kVersion) {
    GroupEffects effects;
    auto response = machine.commit_offsets(request, version, now, effects);
    last_written = written(effects);
    return response;
  }
  wire::TxnOffsetCommitResponse commit_in_transaction(const wire::TxnOffsetCommitRequest& request) {
    GroupEffects effects;
    auto response = machine.commit_transaction_offsets(request, 5, now, effects);
    last_written = written(effects);
    return response;
  }
  void end_transaction(bool is_commit) {
    const ReplayedMarker marker{.producer = kProducer, .is_commit = is_commit, .offset = Offset(0)};
    log.push_back({std::nullopt, kProducer, is_commit});
    machine.replay(marker);
  }
  wire::OffsetDeleteResponse remove(const wire::OffsetDeleteRequest& request) {
    GroupEffects effects;
    auto response = machine.delete_offsets(request, effects);
    last_written = written(effects);
    return response;
  }
  void tick() {
    GroupEffects effects;
    machine.tick(now, effects);
    last_written = written(effects);
  }
  void see(const TopicId& id) {
    GroupEffects effects;
    machine.image_changed(image_with(id), now, effects);
    written(effects);
  }
  void load() {
    GroupEffects effects;
    machine.loaded(now, effects);
    written(effects);
  }
  /// What a machine says that this one's log is replayed into.
  void replay_into(GroupMachine& other) const {
    int64_t offset = 0;
    for (const Entry& entry : log) {
      if (!entry.record) {
        other.replay(ReplayedMarker{.producer = *entry.transaction,
                                    .is_commit = entry.is_commit,
                                    .offset = Offset(offset++)});
        continue;
      }
      const auto& value = entry.record->value;
      EXPECT_TRUE(
          other.replay(ReplayedRecord{.key = entry.record->key.view(),
                                      .value = value ? std::optional(value->view()) : std::nullopt,
                                      .offset = Offset(offset++),
                                      .transaction = entry.transaction}));
    }
  }

  static constexpr ProducerTag kProducer{ProducerId(7), ProducerEpoch(1)};
  struct Entry {
    std::optional<CoordinatorRecord> record;
    std::optional<ProducerTag> transaction;
    bool is_commit = false;
  };

  const GroupSettings settings;
  CountingIds ids;
  GroupMachine machine{settings, ids, Log(null_log_sink(), "group")};
  Now now{.instant = Instant(1000s), .wall = WallTime(20000 * kDayMs)};
  std::vector<Entry> log;
  size_t last_written = 0;
};

wire::OffsetCommitRequest commit_of(int64_t offset, std::string metadata = "",
                                    const TopicId& id = kIdT) {
  wire::OffsetCommitRequest request;
  request.group_id = "g";
  auto& topic = request.topics.emplace_back();
  topic.name = "t";
  topic.topic_id = id;
  topic.partitions.push_back({.partition_index = 0,
                              .committed_offset = offset,
                              .committed_leader_epoch = 4,
                              .committed_metadata = std::move(metadata)});
  return request;
}
wire::TxnOffsetCommitRequest transactional_commit_of(int64_t offset) {
  wire::TxnOffsetCommitRequest request;
  request.group_id = "g";
  request.transactional_id = "x";
  request.producer_id = Machine::kProducer.id.value();
  request.producer_epoch = Machine::kProducer.epoch.value();
  auto& topic = request.topics.emplace_back();
  topic.name = "t";
  topic.partitions.push_back({.partition_index = 0, .committed_offset = offset});
  return request;
}
wire::OffsetDeleteRequest deletion() {
  wire::OffsetDeleteRequest request;
  request.group_id = "g";
  auto& topic = request.topics.emplace_back();
  topic.name = "t";
  topic.partitions.push_back({.partition_index = 0});
  return request;
}
int16_t error_of(const auto& response) {
  return response.topics.at(0).partitions.at(0).error_code;
}

using Fetched = wire::OffsetFetchResponse::OffsetFetchResponsePartitions;
Fetched fetch(const GroupMachine& machine, bool require_stable = false, const TopicId& id = {}) {
  wire::OffsetFetchRequest::OffsetFetchRequestGroup asked;
  asked.group_id = "g";
  auto& topic = asked.topics.emplace().emplace_back();
  topic.name = "t";
  topic.topic_id = id;
  topic.partition_indexes = {0};
  const auto fetched = machine.fetch_offsets(asked, require_stable);
  EXPECT_EQ(fetched.error_code, wire::kNoError);
  EXPECT_EQ(fetched.topics.at(0).topic_id, id);
  return fetched.topics.at(0).partitions.at(0);
}
const Fetched kNothing{.partition_index = 0,
                       .committed_offset = -1,
                       .committed_leader_epoch = -1,
                       .metadata = "",
                       .error_code = wire::kNoError};

TEST(GroupOffsets, ACommitWithoutMembershipMakesAGroup) {
  Machine m;
  EXPECT_EQ(fetch(m.machine), kNothing) << "an unknown group is no error";
  EXPECT_EQ(error_of(m.commit(commit_of(5, "why"))), wire::kNoError);
  ASSERT_NE(m.machine.group("g"), nullptr);
  EXPECT_EQ(m.machine.group("g")->state_name(), "Empty");
  const Fetched expected{.partition_index = 0,
                         .committed_offset = 5,
                         .committed_leader_epoch = 4,
                         .metadata = "why",
                         .error_code = wire::kNoError};
  EXPECT_EQ(fetch(m.machine), expected);
}

TEST(GroupOffsets, AMemberOfAnUnknownGroupIsRefused) {
  Machine m;
  auto request = commit_of(5);
  request.generation_id_or_member_epoch = 3;
  request.member_id = "member";
  EXPECT_EQ(error_of(m.commit(request, 8)), code(Errc::illegal_generation));
  EXPECT_EQ(error_of(m.commit(request, 9)), code(Errc::group_id_not_found));
  auto transactional = transactional_commit_of(5);
  transactional.generation_id = 3;
  EXPECT_EQ(error_of(m.commit_in_transaction(transactional)), code(Errc::illegal_generation));
  EXPECT_EQ(m.machine.group_count(), 0U);
  EXPECT_TRUE(m.log.empty());
}

TEST(GroupOffsets, LongMetadataIsRefusedAlone) {
  Machine m;
  auto request = commit_of(5, std::string(4097, 'm'));
  EXPECT_EQ(error_of(m.commit(request)), code(Errc::offset_metadata_too_large));
  EXPECT_EQ(m.machine.group_count(), 0U) << "nothing was committed that would need a group";
  // Java counts UTF-16 units: 2 for what lies beyond U+FFFF, 1 for the rest.
  std::string two_byte;
  for (int i = 0; i < 4096; i++) two_byte += "\xC3\xA9";
  EXPECT_EQ(error_of(m.commit(commit_of(5, two_byte))), wire::kNoError);
  std::string four_byte;
  for (int i = 0; i < 2049; i++) four_byte += "\xF0\x9F\x98\x80";
  EXPECT_EQ(error_of(m.commit(commit_of(5, four_byte))), code(Errc::offset_metadata_too_large));
  request.topics[0].partitions.push_back({.partition_index = 1, .committed_offset = 6});
  const auto response = m.commit(request);
  EXPECT_EQ(response.topics[0].partitions[0].error_code, code(Errc::offset_metadata_too_large));
  EXPECT_EQ(response.topics[0].partitions[1].error_code, wire::kNoError);
  EXPECT_EQ(m.last_written, 1U);
}

TEST(GroupOffsets, WhatIsNoBatchIsRefusedAsAWhole) {
  GroupSettings settings;
  settings.batch_bytes_max = 300;
  Machine m(settings);
  EXPECT_EQ(error_of(m.commit(commit_of(5, std::string(400, 'm')))),
            code(Errc::unknown_server_error));
  EXPECT_EQ(error_of(m.commit_in_transaction([] {
              auto request = transactional_commit_of(5);
              request.topics[0].partitions[0].committed_metadata = std::string(400, 'm');
              return request;
            }())),
            code(Errc::unknown_server_error));
  EXPECT_EQ(fetch(m.machine), kNothing);
  EXPECT_EQ(m.machine.group_count(), 0U);
  for (int32_t partition = 0; partition < 20; partition++) {
    auto request = commit_of(1);
    request.topics[0].partitions[0].partition_index = partition;
    EXPECT_EQ(error_of(m.commit(request)), wire::kNoError);
  }
  auto all = deletion();
  for (int32_t partition = 1; partition < 20; partition++) {
    all.topics[0].partitions.push_back({.partition_index = partition});
  }
  EXPECT_EQ(m.remove(all).error_code, code(Errc::unknown_server_error));
  GroupEffects effects;
  EXPECT_FALSE(m.machine.delete_group("g", effects));
  EXPECT_TRUE(effects.records.empty());
  EXPECT_EQ(m.machine.offsets().committed_count(), 20U);
}

TEST(GroupOffsets, OldVersionsSayWhenTheyExpire) {
  Machine m;
  auto request = commit_of(5);
  request.retention_time_ms = 1000;
  m.commit(request, 4);
  const auto expiring = m.machine.offsets().find({"g", "t", PartitionIndex(0)});
  EXPECT_EQ(expiring->expires_at, WallTime(m.now.wall.ms() + 1000));
  EXPECT_EQ(parse_numbered(m.log.back().record->value->view())->number, 1);
  request.retention_time_ms = std::numeric_limits<int64_t>::max();
  m.commit(request, 4);
  EXPECT_EQ(m.machine.offsets().find({"g", "t", PartitionIndex(0)})->expires_at,
            WallTime(std::numeric_limits<int64_t>::max()));
  request.retention_time_ms = -1;
  request.topics[0].partitions[0].commit_timestamp = 123;
  m.commit(request, 1);
  const auto stamped = m.machine.offsets().find({"g", "t", PartitionIndex(0)});
  EXPECT_EQ(stamped->committed_at, WallTime(123));
  EXPECT_EQ(stamped->expires_at, std::nullopt);
  EXPECT_EQ(parse_numbered(m.log.back().record->value->view())->number, 4);
}

TEST(GroupOffsets, TransactionsCommitWithTheirMarker) {
  Machine m;
  m.commit(commit_of(5));
  EXPECT_EQ(error_of(m.commit_in_transaction(transactional_commit_of(9))), wire::kNoError);
  EXPECT_EQ(m.log.back().transaction, Machine::kProducer);
  EXPECT_EQ(fetch(m.machine).committed_offset, 5);
  EXPECT_EQ(fetch(m.machine, true).error_code, code(Errc::unstable_offset_commit));
  EXPECT_EQ(fetch(m.machine, true).committed_offset, -1);
  m.end_transaction(false);
  EXPECT_EQ(fetch(m.machine, true).committed_offset, 5);
  m.commit_in_transaction(transactional_commit_of(11));
  m.end_transaction(true);
  EXPECT_EQ(fetch(m.machine, true).committed_offset, 11);
}

TEST(GroupOffsets, ALogIsReplayedToTheSame) {
  Machine m;
  m.commit(commit_of(5, "m"));
  m.commit_in_transaction(transactional_commit_of(9));
  m.commit(commit_of(6));
  m.end_transaction(true);
  auto other = commit_of(7);
  other.group_id = "h";
  other.retention_time_ms = 50;
  m.commit(other);
  m.commit_in_transaction(transactional_commit_of(10));
  Machine again;
  m.replay_into(again.machine);
  again.load();
  for (const bool stable : {false, true}) {
    EXPECT_EQ(fetch(again.machine, stable), fetch(m.machine, stable));
  }
  const OffsetPlace in_h{"h", "t", PartitionIndex(0)};
  EXPECT_EQ(again.machine.offsets().find(in_h), m.machine.offsets().find(in_h));
  EXPECT_EQ(again.machine.group_count(), 2U);
  for (Machine* machine : {&m, &again}) machine->end_transaction(true);
  EXPECT_EQ(fetch(again.machine, true), fetch(m.machine, true));
  EXPECT_EQ(fetch(again.machine, true).committed_offset, 10);
}

TEST(GroupOffsets, AllOfAGroupAreTold) {
  Machine m;
  auto request = commit_of(5);
  request.topics[0].partitions.push_back({.partition_index = 3, .committed_offset = 8});
  request.topics.push_back(request.topics[0]);
  request.topics[1].name = "a";
  m.commit(request);
  m.commit_in_transaction(transactional_commit_of(9));
  wire::OffsetFetchRequest::OffsetFetchRequestGroup asked;
  asked.group_id = "g";
  asked.topics.reset();
  const auto fetched = m.machine.fetch_offsets(asked, true);
  ASSERT_EQ(fetched.topics.size(), 2U);
  EXPECT_EQ(fetched.topics[0].name, "a");
  ASSERT_EQ(fetched.topics[1].partitions.size(), 2U);
  EXPECT_EQ(fetched.topics[1].partitions[0].error_code, code(Errc::unstable_offset_commit));
  EXPECT_EQ(fetched.topics[1].partitions[1].committed_offset, 8);
  asked.group_id = "nobody";
  EXPECT_TRUE(m.machine.fetch_offsets(asked, true).topics.empty());
}

TEST(GroupOffsets, OffsetsOfAnEarlierTopicOfTheNameDoNotCount) {
  Machine m;
  m.commit(commit_of(5, "", kIdT));
  EXPECT_EQ(fetch(m.machine, false, kIdT).committed_offset, 5);
  EXPECT_EQ(fetch(m.machine, false, kIdNew), kNothing);
  EXPECT_EQ(fetch(m.machine).committed_offset, 5) << "whoever has no id is believed";
}

TEST(GroupOffsets, AreDeletedOneByOne) {
  Machine m;
  EXPECT_EQ(m.remove(deletion()).error_code, code(Errc::group_id_not_found));
  m.commit(commit_of(5));
  m.commit_in_transaction(transactional_commit_of(9));
  EXPECT_EQ(error_of(m.remove(deletion())), wire::kNoError);
  EXPECT_EQ(m.last_written, 1U);
  EXPECT_EQ(fetch(m.machine, true), kNothing);
  EXPECT_EQ(error_of(m.remove(deletion())), wire::kNoError) << "what is not there is no error";
  EXPECT_EQ(m.last_written, 0U);
  m.end_transaction(true);
  EXPECT_EQ(fetch(m.machine, true), kNothing) << "the pending one went along";
}

TEST(GroupOffsets, GoWithAgeAndTakeTheirGroupAlong) {
  Machine m;
  m.load();
  m.commit(commit_of(5));
  const auto pass = [&m](int64_t days) {
    m.now.instant = m.now.instant + std::chrono::days(days);
    m.now.wall = WallTime(m.now.wall.ms() + days * kDayMs);
    m.tick();
  };
  pass(6);
  EXPECT_EQ(fetch(m.machine).committed_offset, 5);
  m.commit_in_transaction(transactional_commit_of(9));
  pass(2);
  EXPECT_EQ(fetch(m.machine).committed_offset, 5) << "not while something is pending";
  m.end_transaction(false);
  pass(1);
  EXPECT_EQ(fetch(m.machine), kNothing);
  EXPECT_EQ(m.machine.group_count(), 0U);
  Machine again;
  m.replay_into(again.machine);
  again.load();
  EXPECT_EQ(again.machine.offsets().committed_count(), 0U);
}

TEST(GroupOffsets, OfDeletedTopicsGoAtOnce) {
  Machine m;
  m.see(kIdT);
  m.load();
  m.commit(commit_of(5));
  m.see(kIdT);
  m.tick();
  EXPECT_EQ(fetch(m.machine).committed_offset, 5);
  m.see(kIdNew);  // deleted and made again
  EXPECT_LE(m.machine.next_deadline(), m.now.instant);
  m.tick();
  EXPECT_EQ(fetch(m.machine), kNothing);
  EXPECT_EQ(m.last_written, 1U);
}

TEST(GroupOffsets, OfAThousandPartitionsGoInTurns) {
  GroupSettings settings;
  settings.batch_bytes_max = 20'000;
  Machine m(settings);
  m.see(kIdT);
  m.load();
  for (int32_t partition = 0; partition < 1000; partition++) {
    auto request = commit_of(1);
    request.topics[0].partitions[0].partition_index = partition;
    m.commit(request);
  }
  m.see(kIdNew);
  size_t turns = 0;
  while (m.machine.next_deadline() < m.now.instant + 1s) {
    m.now.instant = std::max(m.now.instant, m.machine.next_deadline());
    m.tick();
    ASSERT_LE(m.last_written * 20, settings.batch_bytes_max);
    ASSERT_LT(turns++, 100U);
  }
  EXPECT_GE(turns, 2U);
  EXPECT_EQ(m.machine.offsets().committed_count(), 0U);
}

}  // namespace
}  // namespace partita::coordinators
