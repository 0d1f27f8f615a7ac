// GroupMachine: what groups commit, read and delete of their offsets, and what becomes of those
// that nobody asks for any more.

#include <algorithm>
#include <limits>

#include "coordinators/batch_bytes.h"
#include "coordinators/group/group_machine.h"
#include "coordinators/group/offset_store.h"
#include "coordinators/group/offset_upkeep.h"
#include "wire/error_code.h"

namespace partita::coordinators {
namespace {

using CommitTopic = wire::OffsetCommitRequest::OffsetCommitRequestTopic;
using CommitPartition = wire::OffsetCommitRequest::OffsetCommitRequestPartition;
using TxnPartition = wire::TxnOffsetCommitRequest::TxnOffsetCommitRequestPartition;
using FetchedTopic = wire::OffsetFetchResponse::OffsetFetchResponseTopics;
using FetchedPartition = wire::OffsetFetchResponse::OffsetFetchResponsePartitions;

/// As Java counts the length of a string: UTF-16 units.
size_t utf16_length(std::string_view text) {
  size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    units += (byte & 0xC0) != 0x80;  // a code point begins
    units += byte >= 0xF0;           // one that takes two units
  }
  return units;
}

/// Explicit expiry: the request's retention from now on; nothing for -1.
std::optional<WallTime> expiry(int64_t retention_time_ms, WallTime now) {
  if (retention_time_ms == -1) return std::nullopt;
  constexpr int64_t kLatest = std::numeric_limits<int64_t>::max();
  const bool beyond = retention_time_ms > 0 && now.ms() > kLatest - retention_time_ms;
  return WallTime(beyond ? kLatest : now.ms() + retention_time_ms);
}

CommittedOffset committed_of(const CommitTopic& topic, const CommitPartition& partition,
                             int64_t retention_time_ms, WallTime now) {
  const WallTime said(partition.commit_timestamp);
  return as_recorded({.offset = Offset(partition.committed_offset),
                      .leader_epoch = LeaderEpoch(partition.committed_leader_epoch),
                      .metadata = partition.committed_metadata.value_or(""),
                      .committed_at = said == kNoTimestamp ? now : said,
                      .expires_at = expiry(retention_time_ms, now),
                      .topic_id = topic.topic_id});
}

/// Kafka keeps no topic id of what transactions commit.
CommittedOffset committed_of(const TxnPartition& partition, WallTime now) {
  return {.offset = Offset(partition.committed_offset),
          .leader_epoch = LeaderEpoch(partition.committed_leader_epoch),
          .metadata = partition.committed_metadata.value_or(""),
          .committed_at = now};
}

/// An answer with this error for every partition of the request.
template <class Response, class Request>
Response refuse_all(const Request& request, const Error& error) {
  Response response;
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    if constexpr (requires { topic.topic_id; }) out.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions) {
      out.partitions.push_back({.partition_index = partition.partition_index,
                                .error_code = wire::error_code(error.code)});
    }
  }
  return response;
}

/// Takes a commit apart: what may be committed goes to `offsets`, the rest is refused.
template <class Response, class Request, class Make>
Response take_commit(const Request& request, size_t metadata_max, std::vector<NewOffset>& offsets,
                     Make make) {
  Response response;
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    if constexpr (requires { topic.topic_id; }) out.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions) {
      auto& answer = out.partitions.emplace_back();
      answer.partition_index = partition.partition_index;
      if (utf16_length(partition.committed_metadata.value_or("")) > metadata_max) {
        answer.error_code = wire::error_code(Errc::offset_metadata_too_large);
        continue;
      }
      offsets.push_back(
          {topic.name, PartitionIndex(partition.partition_index), make(topic, partition)});
    }
  }
  return response;
}

FetchedPartition no_offset(PartitionIndex partition, int16_t error = wire::kNoError) {
  return {.partition_index = partition.value(),
          .committed_offset = -1,
          .committed_leader_epoch = -1,
          .metadata = "",
          .error_code = error};
}

FetchedPartition fetched(PartitionIndex partition, const CommittedOffset& committed) {
  return {.partition_index = partition.value(),
          .committed_offset = committed.offset.value(),
          .committed_leader_epoch = committed.leader_epoch.value(),
          .metadata = committed.metadata,
          .error_code = wire::kNoError};
}

FetchedPartition unstable(PartitionIndex partition) {
  return no_offset(partition, wire::error_code(Errc::unstable_offset_commit));
}

/// Whether an offset was committed for an earlier topic of the name.
bool is_of_another_topic(const CommittedOffset& committed, const TopicId& asked) {
  return !asked.is_zero() && !committed.topic_id.is_zero() && committed.topic_id != asked;
}

}  // namespace

Result<Group*> GroupMachine::group_to_commit(std::string_view id, const MemberClaim& claim,
                                             bool transactional, int16_t version, Now now) {
  Group* group = find(id);
  if (group == nullptr) {
    if (claim.generation_or_epoch < 0) return nullptr;
    const bool says_so = !transactional && version >= 9;
    return fail(says_so ? Errc::group_id_not_found : Errc::illegal_generation);
  }
  const Result<> checked = group->check_commit(claim, transactional, version, now);
  if (checked) return group;
  if (transactional && checked.error().code == Errc::stale_member_epoch) {
    return fail(Errc::illegal_generation);
  }
  return std::unexpected(checked.error());
}

Result<> GroupMachine::put_offsets(std::string_view group_id, std::vector<NewOffset> offsets,
                                   std::optional<ProducerTag> transaction, Effects& out) {
  if (offsets.empty()) return {};
  std::vector<CoordinatorRecord> records;
  for (const NewOffset& one : offsets) {
    records.push_back(offset_record({group_id, one.topic, one.partition}, one.committed));
  }
  if (BatchBytes::of(records) > settings_.batch_bytes_max) {
    log_.warn("group {}: a commit of {} offsets is larger than a batch may be", group_id,
              records.size());
    return fail(Errc::unknown_server_error);
  }
  if (find(group_id) == nullptr) classic_group(group_id, true);
  std::optional<ProducerId> producer;
  if (transaction) producer = transaction->id;
  for (NewOffset& one : offsets) {
    offsets_->put({group_id, one.topic, one.partition}, std::move(one.committed), producer);
  }
  out.transaction = transaction;
  std::ranges::move(records, std::back_inserter(out.records));
  return {};
}

wire::OffsetCommitResponse GroupMachine::commit_offsets(const wire::OffsetCommitRequest& request,
                                                        int16_t version, Now now, Effects& out) {
  using Response = wire::OffsetCommitResponse;
  const MemberClaim claim{.member_id = request.member_id,
                          .instance_id = request.group_instance_id,
                          .generation_or_epoch = request.generation_id_or_member_epoch};
  const auto group = group_to_commit(request.group_id, claim, false, version, now);
  if (!group) return refuse_all<Response>(request, group.error());
  std::vector<NewOffset> offsets;
  auto response = take_commit<Response>(request, settings_.offset_metadata_bytes_max, offsets,
                                        [&](const auto& topic, const auto& partition) {
                                          return committed_of(topic, partition,
                                                              request.retention_time_ms, now.wall);
                                        });
  const Result<> put = put_offsets(request.group_id, std::move(offsets), std::nullopt, out);
  if (!put) return refuse_all<Response>(request, put.error());
  return response;
}

wire::TxnOffsetCommitResponse GroupMachine::commit_transaction_offsets(
    const wire::TxnOffsetCommitRequest& request, int16_t version, Now now, Effects& out) {
  using Response = wire::TxnOffsetCommitResponse;
  const MemberClaim claim{.member_id = request.member_id,
                          .instance_id = request.group_instance_id,
                          .generation_or_epoch = request.generation_id};
  const auto group = group_to_commit(request.group_id, claim, true, version, now);
  if (!group) return refuse_all<Response>(request, group.error());
  std::vector<NewOffset> offsets;
  auto response = take_commit<Response>(
      request, settings_.offset_metadata_bytes_max, offsets,
      [&](const auto&, const auto& partition) { return committed_of(partition, now.wall); });
  const ProducerTag producer{ProducerId(request.producer_id),
                             ProducerEpoch(request.producer_epoch)};
  const Result<> put = put_offsets(request.group_id, std::move(offsets), producer, out);
  if (!put) return refuse_all<Response>(request, put.error());
  return response;
}

GroupMachine::FetchedOffsets GroupMachine::fetch_offsets(
    const wire::OffsetFetchRequest::OffsetFetchRequestGroup& asked, bool require_stable) const {
  FetchedOffsets out;
  out.group_id = asked.group_id;
  const Group* known = group(asked.group_id);
  if (known != nullptr) {
    const MemberClaim claim{.member_id = asked.member_id ? *asked.member_id : std::string_view(),
                            .instance_id = std::nullopt,
                            .generation_or_epoch = asked.member_epoch};
    const Result<> checked = known->check_fetch(claim);
    out.error_code = wire::error_code(checked);
    if (!checked) return out;
  }
  const auto answer = [&](const OffsetPlace& place, const std::optional<CommittedOffset>& found) {
    if (require_stable && offsets_->is_pending(place)) return unstable(place.partition);
    return found ? fetched(place.partition, *found) : no_offset(place.partition);
  };
  if (!asked.topics) {
    offsets_->for_each(asked.group_id, [&](const OffsetPlace& place, const CommittedOffset& found) {
      if (out.topics.empty() || out.topics.back().name != place.topic) {
        out.topics.emplace_back().name = place.topic;
      }
      out.topics.back().partitions.push_back(answer(place, found));
    });
    return out;
  }
  for (const auto& topic : *asked.topics) {
    FetchedTopic& answers = out.topics.emplace_back();
    answers.name = topic.name;
    answers.topic_id = topic.topic_id;
    for (const int32_t index : topic.partition_indexes) {
      const OffsetPlace place{asked.group_id, topic.name, PartitionIndex(index)};
      auto found = offsets_->find(place);
      if (found && is_of_another_topic(*found, topic.topic_id)) found.reset();
      answers.partitions.push_back(answer(place, found));
    }
  }
  return out;
}

wire::OffsetDeleteResponse GroupMachine::delete_offsets(const wire::OffsetDeleteRequest& request,
                                                        Effects& out) {
  wire::OffsetDeleteResponse response;
  const Group* known = find(request.group_id);
  const Result<> checked =
      known == nullptr ? fail(Errc::group_id_not_found) : known->check_offset_delete();
  response.error_code = wire::error_code(checked);
  if (!checked) return response;
  std::vector<OffsetPlace> gone;
  std::vector<CoordinatorRecord> records;
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    const bool is_read = known->is_subscribed(topic.name);
    for (const auto& partition : topic.partitions) {
      auto& answer = answers.partitions.emplace_back();
      answer.partition_index = partition.partition_index;
      if (is_read) {
        answer.error_code = wire::error_code(Errc::group_subscribed_to_topic);
        continue;
      }
      const OffsetPlace place{request.group_id, topic.name,
                              PartitionIndex(partition.partition_index)};
      if (!offsets_->find(place) && !offsets_->is_pending(place)) continue;
      gone.push_back(place);
      records.push_back(offset_tombstone(place));
    }
  }
  if (BatchBytes::of(records) > settings_.batch_bytes_max) {
    return {.error_code = wire::error_code(Errc::unknown_server_error)};
  }
  for (const OffsetPlace& place : gone) offsets_->remove(place);
  std::ranges::move(records, std::back_inserter(out.records));
  return response;
}

Result<> GroupMachine::replay_offset(const Numbered& key, const ReplayedRecord& record) {
  TRY(OffsetRecord decoded, decode_offset_record(key, record.value));
  if (!decoded.committed) {
    offsets_->remove(decoded.place);
    return {};
  }
  std::optional<ProducerId> producer;
  if (record.transaction) producer = record.transaction->id;
  if (find(decoded.place.group) == nullptr) classic_group(decoded.place.group, true);
  offsets_->put(decoded.place, *std::move(decoded.committed), producer, record.offset);
  return {};
}

void GroupMachine::replay(const ReplayedMarker& marker) {
  offsets_->end_transaction(marker.producer.id, marker.is_commit);
}

void GroupMachine::offsets_loaded(Now now) {
  // Records of the groups may be older than what compaction left of their offsets.
  for (auto id = offsets_->group_from(""); id; id = offsets_->group_from(*id)) {
    if (find(*id) == nullptr) classic_group(*id, true);
    id->push_back('\0');
  }
  upkeep_->loaded(now);
}

void GroupMachine::offsets_see_image(const metadata::Image* before, Now now) {
  if (before == nullptr) return;
  std::vector<OffsetUpkeep::DeletedTopic> deleted;
  offsets_->for_each_topic([&](const std::string& name) {
    const auto was = before->topic(name);
    if (was == nullptr || image_->topic(was->id) != nullptr) return;
    deleted.push_back({name, was->id});
  });
  upkeep_->topics_deleted(std::move(deleted), now);
}

Instant GroupMachine::offsets_deadline() const {
  return upkeep_->next_deadline();
}

void GroupMachine::tick_offsets(Now now, Effects& out) {
  if (now.instant < upkeep_->next_deadline()) return;
  // Half a batch leaves room for what other parts of the machine write in the same tick.
  RemovalBatch batch(settings_.batch_bytes_max / 2, out.records);
  const bool scans = upkeep_->begin_turn(now);
  upkeep_->drop_deleted(*offsets_, batch);
  std::optional<std::string> next;
  auto at = scans ? groups_.lower_bound(upkeep_->scan_from()) : groups_.end();
  while (at != groups_.end()) {
    const std::string id = at->first;
    if (!batch.has_room() || !upkeep_->expire(*at->second, *offsets_, now.wall, batch)) {
      next = id;
      break;
    }
    remove_if_forgotten(id, out);
    at = groups_.upper_bound(id);
  }
  upkeep_->end_turn(std::move(next), now);
}

}  // namespace partita::coordinators
