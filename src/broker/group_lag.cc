#include "broker/group_lag.h"

#include <algorithm>

#include "broker/coordination.h"
#include "broker/shard_of.h"
#include "coordinators/group/offset_store.h"
#include "records/batch_records.h"
#include "runtime/cross_shard.h"
#include "wire/error_code.h"
#include "wire/json.h"

namespace partita::broker {
namespace {

using coordinators::CommittedOffset;
using coordinators::OffsetPlace;

/// Of `whole`, what counts as soon.
int64_t tenth(int64_t whole) {
  return whole / 10;
}

/// The time of the first record at or behind `from`; kNoTimestamp where it has none.
Task<Result<WallTime>> timestamp_at(storage::PartitionLog& log, Offset from, Offset end) {
  CO_TRY(const storage::ReadResult read, co_await log.read(from, 1, end, true));
  const Bytes bytes = coordinators::join(read.bytes);
  if (bytes.size() == 0) co_return kNoTimestamp;
  CO_TRY(const records::BatchView batch, records::BatchView::parse(bytes.view()));
  records::Decompressor decompressor;
  CO_TRY(const auto records, records::BatchRecords::open(batch, decompressor));
  auto iterator = records.iterate();
  records::Record record;
  while (true) {
    CO_TRY(const bool more, iterator.next(record));
    if (!more) co_return batch.max_timestamp();
    if (batch.offset_at(record.offset_delta) >= from) {
      co_return batch.timestamp_at(record.timestamp_delta);
    }
  }
}

Task<Result<ReadPlace>> look_from(BrokerShard& owner,
                                  std::shared_ptr<const metadata::TopicImage> topic,
                                  PartitionIndex index, Offset committed) {
  CO_TRY(replication::Partition * partition, owner.partition(*topic, index));
  const replication::Partition::Use use(*partition);
  CO_CHECKED(co_await use->ready());
  storage::PartitionLog& log = use->log();
  ReadPlace place{.committed = committed,
                  .log_start = log.log_start_offset(),
                  .visible_end = use->high_watermark(),
                  .stable_end = use->last_stable_offset(),
                  .log_bytes = log.size_bytes()};
  if (log.config().cleanup_delete) {
    place.retention_ms = log.config().retention_ms;
    place.retention_bytes = log.config().retention_bytes;
  }
  const Offset next = std::max(committed, place.log_start);
  if (next >= place.visible_end) co_return place;
  CO_TRY(place.next_timestamp, co_await timestamp_at(log, next, place.visible_end));
  const Offset last = place.visible_end - OffsetDelta(1);
  CO_TRY(place.newest_timestamp, co_await timestamp_at(log, last, place.visible_end));
  co_return place;
}

Task<Result<ReadPlace>> look_up(HandlerContext& context, PartitionLag& lag) {
  const auto topic = context.here.image()->topic(lag.topic);
  const auto* partition = topic == nullptr ? nullptr : topic->partition(lag.partition);
  if (partition == nullptr) co_return fail(Errc::unknown_topic_or_partition);
  lag.leader = partition->leader;
  if (lag.leader != context.here.self()) co_return fail(Errc::not_leader_or_follower);
  const auto& shards = context.services.shards;
  BrokerShard& owner = *shards[shard_of(topic->id, lag.partition, shards.size())];
  co_return co_await call_on(context.here.shard(), owner.scope(),
                             [&] { return look_from(owner, topic, lag.partition, lag.committed); });
}

std::optional<std::vector<PartitionLag>> committed_of(const GroupMachine& machine,
                                                      std::string_view group) {
  if (machine.group(group) == nullptr) return std::nullopt;
  std::vector<PartitionLag> out;
  machine.offsets().for_each(group, [&](const OffsetPlace& at, const CommittedOffset& committed) {
    out.push_back({.topic = std::string(at.topic),
                   .partition = at.partition,
                   .committed = committed.offset,
                   .committed_at = committed.committed_at,
                   .place = fail(Errc::unknown_topic_or_partition)});
  });
  return out;
}

// JSON.

std::string_view warning_name(LagWarning warning) {
  switch (warning) {
    case LagWarning::none: return "null";
    case LagWarning::retention_soon: return "\"RETENTION_SOON\"";
    case LagWarning::records_lost: return "\"RECORDS_LOST\"";
    case LagWarning::beyond_end: return "\"BEYOND_END\"";
  }
  return "null";
}

std::string number(const std::optional<int64_t>& value) {
  return value ? std::to_string(*value) : "null";
}

void append_partition(std::string& out, const PartitionLag& partition, WallTime now) {
  out += R"({"topic":)";
  wire::append_json_string(out, partition.topic);
  out += fmt::format(R"(,"partition":{},"committed":{},"committed_at":{},"leader":{})",
                     partition.partition.value(), partition.committed.value(),
                     partition.committed_at.ms(), partition.leader.value());
  if (!partition.place) {
    const int16_t code = wire::error_code(partition.place.error().code);
    out += fmt::format(R"(,"error":"{}"}})", wire::error_name(code));
    return;
  }
  const ReadPlace& place = *partition.place;
  const PlaceLag lag = lag_at(place, now);
  out += fmt::format(R"(,"error":null,"log_start":{},"end":{},"stable_end":{})",
                     place.log_start.value(), place.visible_end.value(), place.stable_end.value());
  out += fmt::format(R"(,"lag":{},"stable_lag":{},"lag_ms":{},"goes_in_ms":{})", lag.records,
                     lag.stable_records, number(lag.ms), number(lag.goes_in_ms));
  out += fmt::format(R"(,"goes_after_bytes":{},"records_lost":{},"warning":{}}})",
                     number(lag.goes_after_bytes), lag.records_lost, warning_name(lag.warning));
}

}  // namespace

PlaceLag lag_at(const ReadPlace& place, WallTime now) {
  const auto lacking = [&](Offset end) {
    return std::max<int64_t>(0, end.value() - place.committed.value());
  };
  PlaceLag out{.records = lacking(place.visible_end), .stable_records = lacking(place.stable_end)};
  out.records_lost = lacking(place.log_start);
  if (place.committed > place.visible_end) out.warning = LagWarning::beyond_end;
  if (out.records_lost > 0) out.warning = LagWarning::records_lost;
  if (out.records == 0) {
    out.ms = 0;
    return out;
  }
  const bool is_timed = place.next_timestamp != kNoTimestamp;
  if (is_timed && place.newest_timestamp != kNoTimestamp) {
    out.ms = std::max<int64_t>(0, place.newest_timestamp.ms() - place.next_timestamp.ms());
  }
  bool soon = false;
  if (is_timed && place.retention_ms >= 0) {
    const int64_t age = std::max<int64_t>(0, now.ms() - place.next_timestamp.ms());
    out.goes_in_ms = std::max<int64_t>(0, place.retention_ms - age);
    soon = *out.goes_in_ms <= tenth(place.retention_ms);
  }
  const int64_t offsets = place.visible_end.value() - place.log_start.value();
  if (place.retention_bytes >= 0 && offsets > 0) {
    const double share = static_cast<double>(std::min(out.records, offsets)) / offsets;
    const auto behind = static_cast<int64_t>(share * static_cast<double>(place.log_bytes));
    out.goes_after_bytes = std::max<int64_t>(0, place.retention_bytes - behind);
    soon = soon || *out.goes_after_bytes <= tenth(place.retention_bytes);
  }
  if (soon && out.warning == LagWarning::none) out.warning = LagWarning::retention_soon;
  return out;
}

Task<Result<GroupLag>> find_group_lag(HandlerContext& context, std::string_view group) {
  CO_TRY(auto committed,
         co_await on_group(context, group, [&](GroupMachine& machine, Now, GroupMachine::Effects&) {
           return committed_of(machine, group);
         }));
  if (!committed) co_return fail(Errc::group_id_not_found, "The group id does not exist.");
  GroupLag out{.group = std::string(group),
               .now = context.here.shard().clock().wall(),
               .partitions = *std::move(committed)};
  for (PartitionLag& partition : out.partitions) {
    partition.place = co_await look_up(context, partition);
  }
  co_return out;
}

std::string to_json(const GroupLag& lag) {
  int64_t records = 0;
  int64_t ms = 0;
  std::string partitions;
  for (const PartitionLag& partition : lag.partitions) {
    if (!partitions.empty()) partitions += ',';
    append_partition(partitions, partition, lag.now);
    if (!partition.place) continue;
    const PlaceLag at = lag_at(*partition.place, lag.now);
    records += at.records;
    ms = std::max(ms, at.ms.value_or(0));
  }
  std::string out = R"({"group":)";
  wire::append_json_string(out, lag.group);
  out += fmt::format(R"(,"records":{},"ms":{},"partitions":[)", records, ms);
  return out + partitions + "]}";
}

}  // namespace partita::broker
