#include "raft/control_batches.h"

#include <utility>

#include "records/batch_builder.h"
#include "records/batch_records.h"
#include "records/control.h"
#include "wire/control/kraft_version_record.h"
#include "wire/control/leader_change_message.h"
#include "wire/control/snapshot_footer_record.h"
#include "wire/control/snapshot_header_record.h"
#include "wire/control/voters_record.h"

namespace partita::raft {

using records::BatchBuilder;
using records::ControlType;

namespace {

constexpr size_t kDataBatchBytes = size_t{1} << 20;

template <class Message>
Result<> append_control(BatchBuilder& builder, ControlType type, const Message& message,
                        WallTime now) {
  TRY(const ByteChain chain, wire::encode_body(message, 0));
  Buffer value(chain_size(chain));
  for (const Bytes& part : chain) value.append(part.view());
  builder.append_control(records::encode_control_key(type), value.view(), now);
  return {};
}

wire::VotersRecord voters_record(const VoterSet& voters) {
  wire::VotersRecord record;
  for (const auto& [id, voter] : voters.voters()) {
    auto& to = record.voters.emplace_back();
    to.voter_id = id.value();
    to.voter_directory_id = voter.key.directory;
    for (const VoterEndpoint& e : voter.endpoints)
      to.endpoints.push_back({e.listener, e.host, e.port});
    to.kraft_version_feature = {voter.kraft_version_min, voter.kraft_version_max};
  }
  return record;
}

Result<VoterSet> decode_voters(ByteView value) {
  TRY(const auto view, wire::VotersRecordView::decode(value, 0));
  const wire::VotersRecord record = wire::materialise(view);
  std::vector<Voter> voters;
  for (const auto& from : record.voters) {
    Voter voter;
    voter.key = {NodeId(from.voter_id), from.voter_directory_id};
    for (const auto& e : from.endpoints) voter.endpoints.push_back({e.name, e.host, e.port});
    voter.kraft_version_min = from.kraft_version_feature.min_supported_version;
    voter.kraft_version_max = from.kraft_version_feature.max_supported_version;
    voters.push_back(std::move(voter));
  }
  return VoterSet(std::move(voters));
}

}  // namespace

Result<Bytes> epoch_start_batch(const AppendEpochStart& start, NodeId leader,
                                const VoterSet& voters, WallTime now) {
  BatchBuilder builder(
      {.base_offset = start.base, .partition_leader_epoch = start.epoch, .control = true});
  wire::LeaderChangeMessage change;
  change.leader_id = leader.value();
  for (const auto& [id, voter] : voters.voters()) change.voters.push_back({.voter_id = id.value()});
  for (const NodeId id : start.granting_voters)
    change.granting_voters.push_back({.voter_id = id.value()});
  CHECKED(append_control(builder, ControlType::leader_change, change, now));
  if (start.with_voters) {
    CHECKED(append_control(builder, ControlType::kraft_version,
                           wire::KRaftVersionRecord{.kraft_version = 1}, now));
    CHECKED(append_control(builder, ControlType::kraft_voters, voters_record(voters), now));
  }
  return builder.build();
}

Result<> read_control_batch(const records::BatchView& batch, QuorumRecords& into) {
  records::Decompressor decompressor;
  TRY(const auto opened, records::BatchRecords::open(batch, decompressor));
  auto iterator = opened.iterate();
  records::Record record;
  while (true) {
    TRY(const bool more, iterator.next(record));
    if (!more) return {};
    if (!record.key || !record.value)
      return fail(Errc::corrupt_data, "a control record without key or value");
    TRY(const ControlType type, records::decode_control_key(*record.key));
    if (type == ControlType::kraft_version) {
      TRY(const auto version, wire::KRaftVersionRecordView::decode(*record.value, 0));
      into.kraft_version = version.kraft_version;
    } else if (type == ControlType::kraft_voters) {
      TRY(into.voters, decode_voters(*record.value));
    }
  }
}

// --- snapshots ---

SnapshotBuilder::SnapshotBuilder(OffsetAndEpoch id, int64_t last_contained_timestamp_ms,
                                 WallTime now)
    : id_(id), last_contained_timestamp_ms_(last_contained_timestamp_ms), now_(now) {}

Result<> SnapshotBuilder::put(Result<Bytes> batch, int32_t count) {
  CHECKED(batch);
  file_.append(batch->view());
  next_offset_ += count;
  return {};
}

Result<> SnapshotBuilder::begin() {
  if (std::exchange(begun_, true)) return {};
  BatchBuilder builder(
      {.base_offset = Offset(next_offset_), .partition_leader_epoch = id_.epoch, .control = true});
  const wire::SnapshotHeaderRecord header{.last_contained_log_timestamp =
                                              last_contained_timestamp_ms_};
  CHECKED(append_control(builder, ControlType::snapshot_header, header, now_));
  if (quorum_) {
    CHECKED(append_control(builder, ControlType::kraft_version,
                           wire::KRaftVersionRecord{.kraft_version = quorum_->first}, now_));
    CHECKED(
        append_control(builder, ControlType::kraft_voters, voters_record(quorum_->second), now_));
  }
  return put(builder.build(), quorum_ ? 3 : 1);
}

Result<> SnapshotBuilder::add_quorum(int16_t kraft_version, const VoterSet& voters) {
  if (begun_) return fail(Errc::invalid_argument, "the quorum belongs at a snapshot's front");
  quorum_.emplace(kraft_version, voters);
  return {};
}

Result<> SnapshotBuilder::add_frame(ByteView frame) {
  CHECKED(begin());
  frames_.push_back(Bytes::copy_of(frame));
  frame_bytes_ += frame.size();
  return frame_bytes_ < kDataBatchBytes ? Result<>() : flush_data();
}

Result<> SnapshotBuilder::flush_data() {
  if (frames_.empty()) return {};
  BatchBuilder builder({.base_offset = Offset(next_offset_), .partition_leader_epoch = id_.epoch});
  for (const Bytes& frame : frames_) builder.append({.value = frame.view(), .timestamp = now_});
  const auto count = static_cast<int32_t>(frames_.size());
  frames_.clear();
  frame_bytes_ = 0;
  return put(builder.build(), count);
}

Result<Buffer> SnapshotBuilder::finish() {
  CHECKED(begin());
  CHECKED(flush_data());
  BatchBuilder builder(
      {.base_offset = Offset(next_offset_), .partition_leader_epoch = id_.epoch, .control = true});
  CHECKED(
      append_control(builder, ControlType::snapshot_footer, wire::SnapshotFooterRecord{}, now_));
  CHECKED(put(builder.build(), 1));
  return std::move(file_);
}

Result<QuorumRecords> check_snapshot(ByteView file) {
  QuorumRecords quorum;
  records::BatchIterator batches(file);
  records::Decompressor decompressor;
  bool first = true;
  bool footer = false;
  while (true) {
    TRY(const auto batch, batches.next());
    if (!batch) break;
    CHECKED(batch->verify());
    if (footer) return fail(Errc::corrupt_data, "a snapshot goes on behind its footer");
    const bool control = batch->attributes().is_control();
    if (first && !control) return fail(Errc::corrupt_data, "a snapshot without header");
    if (control) {
      TRY(const auto opened, records::BatchRecords::open(*batch, decompressor));
      auto iterator = opened.iterate();
      records::Record record;
      TRY(const bool any, iterator.next(record));
      if (!any || !record.key)
        return fail(Errc::corrupt_data, "a control batch of a snapshot is empty");
      TRY(const ControlType type, records::decode_control_key(*record.key));
      if (first != (type == ControlType::snapshot_header)) {
        if (first) return fail(Errc::corrupt_data, "a snapshot without header");
      }
      footer = type == ControlType::snapshot_footer;
      CHECKED(read_control_batch(*batch, quorum));
    }
    first = false;
  }
  if (!footer) return fail(Errc::truncated_data, "a snapshot without footer");
  return quorum;
}

}  // namespace partita::raft
