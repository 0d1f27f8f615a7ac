// Appending to a PartitionLog: nothing here suspends.

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/fault_points.h"
#include "storage/partition_log_state.h"
#include "storage/producer_replay.h"

namespace partita::storage {
namespace {

/// The header as it is written: the owner's prefix over the received bytes.
class WrittenHeader {
 public:
  WrittenHeader(ByteView prefix, ByteView received) {
    std::ranges::copy(received.first(records::kBatchHeaderBytes), bytes_.begin());
    std::ranges::copy(prefix, bytes_.begin());
  }
  Result<records::BatchHeader> parse() const { return records::BatchHeader::parse(bytes_); }

 private:
  std::array<uint8_t, records::kBatchHeaderBytes> bytes_;
};

/// What a call to append adds up to.
struct Sum {
  size_t bytes = 0;
  Offset last_offset;
  WallTime max_timestamp = kNoTimestamp;

  void add(const records::BatchHeader& header) {
    bytes += header.total_size();
    last_offset = header.last_offset();
    max_timestamp = std::max(max_timestamp, header.max_timestamp());
  }
};

}  // namespace

Result<> PartitionLog::ready_to_append() const {
  CHECKED(usable());
  if (!loaded_) return fail(Errc::would_block, "the log is not loaded");
  return {};
}

Result<AppendResult> PartitionLog::append_as_leader(LeaderBatch batch, LeaderEpoch epoch,
                                                    WallTime now, AppendOrigin origin) {
  return append_as_leader(std::span(&batch, 1), epoch, now, origin);
}

Result<AppendResult> PartitionLog::append_as_leader(std::span<LeaderBatch> batches,
                                                    LeaderEpoch epoch, WallTime now,
                                                    AppendOrigin origin) {
  CHECK(!batches.empty());
  CHECKED(ready_to_append());
  if (epoch < latest_epoch().value_or(kNoLeaderEpoch)) {
    return fail(Errc::not_leader_or_follower, "the log has batches of a later leader epoch");
  }
  TRY(auto duplicate, find_duplicate(batches, origin));
  if (duplicate) return *duplicate;

  AppendResult result{.first_offset = log_end_, .log_start_offset = log_start_};
  Sum sum;
  Offset next = log_end_;
  std::vector<ByteView>& parts = context_.parts;
  parts.clear();
  for (LeaderBatch& batch : batches) {
    batch.prefix.stamp(next, epoch);
    const WrittenHeader written(batch.prefix.bytes(), batch.bytes.view());
    TRY(const auto header, written.parse());
    if (header.last_offset_delta() < 0 || header.total_size() != batch.bytes.size()) {
      return fail(Errc::corrupt_message, "a batch that was not checked");
    }
    sum.add(header);
    parts.push_back(batch.prefix.bytes());
    parts.push_back(batch.bytes.view().subspan(batch.prefix.size()));
    next = header.next_offset();
    if (header.attributes().timestamp_type() == records::TimestampType::log_append_time) {
      result.log_append_time = header.max_timestamp();
    }
  }
  CHECKED(make_room(sum.last_offset, sum.max_timestamp, sum.bytes, now));
  CHECKED(write(parts, sum.bytes));
  for (const LeaderBatch& batch : batches) {
    const WrittenHeader written(batch.prefix.bytes(), batch.bytes.view());
    TRY(const auto header, written.parse());
    CHECKED(batch_written(header, batch.prefix.bytes(), batch.bytes));
  }
  result.last_offset = sum.last_offset;
  result.bytes = sum.bytes;
  note_appended(sum.bytes);
  return result;
}

Result<std::optional<AppendResult>> PartitionLog::find_duplicate(std::span<LeaderBatch> batches,
                                                                 AppendOrigin origin) {
  if (origin == AppendOrigin::raft) return std::nullopt;
  for (const LeaderBatch& batch : batches) {
    TRY(const auto view, records::BatchView::parse(batch.bytes.view()));
    if (!view.has_producer_id()) continue;
    if (view.attributes().is_control()) {
      TRY(const auto marker, read_end_txn_marker(view));
      if (!marker) continue;
      EndTxnMarker asked = *marker;
      asked.transaction_version = batch.transaction_version;
      CHECKED(producers().check(asked));
      continue;
    }
    const SequenceCheck how =
        origin == AppendOrigin::client ? SequenceCheck::full : SequenceCheck::epoch_only;
    ProducerBatch asked = ProducerBatch::of(view);
    asked.guard = batch.guard;
    TRY(const auto duplicate, producers().check(asked, how));
    if (!duplicate || mutant("storage.append_duplicates")) continue;
    COVERED("storage.duplicate_answered");
    const bool append_time =
        config_->message_timestamp_type == records::TimestampType::log_append_time;
    return AppendResult{.first_offset = duplicate->first_offset,
                        .last_offset = duplicate->last_offset,
                        .log_start_offset = log_start_,
                        .log_append_time = append_time ? duplicate->timestamp : kNoTimestamp,
                        .bytes = 0,
                        .duplicate = true};
  }
  return std::nullopt;
}

Result<> PartitionLog::make_room(Offset last_offset, WallTime max_timestamp, size_t bytes,
                                 WallTime now) {
  if (!has_files_) return materialise(now);
  if (!active().should_roll(last_offset, max_timestamp, bytes, now, *config_)) return {};
  return roll(now);
}

Result<> PartitionLog::write(std::span<const ByteView> parts, size_t bytes) {
  const Result<> written = active().write(parts, bytes);
  if (written) {
    state().active_dirty = true;
    return {};
  }
  // The disk may have room again, or descriptors: everything is as it was.
  const Errc code = written.error().code;
  if (code == Errc::no_space || code == Errc::limit_exceeded || code == Errc::stopped) {
    return written;
  }
  fail_with(written.error());
  return usable();
}

Result<> PartitionLog::batch_written(const records::BatchHeader& header, ByteView front,
                                     const Bytes& received) {
  State& s = state();
  const Result<> indexed = active().appended({.last_offset = header.last_offset(),
                                              .max_timestamp = header.max_timestamp(),
                                              .bytes = header.total_size()});
  if (!indexed) {
    fail_with(indexed.error());
    return usable();
  }
  s.epochs.assign(header.partition_leader_epoch(), header.base_offset());
  begun_epoch_ = kNoLeaderEpoch;
  s.tail.append(header.base_offset(), header.last_offset(), front, received);
  log_end_ = header.next_offset();
  const Result<> noted = note_producer(header, received);
  if (noted) return {};
  fail_with(noted.error());
  return usable();
}

Result<> PartitionLog::note_producer(const records::BatchHeader& header, const Bytes& received) {
  ProducerState& producers = state().producers;
  const Instant now = context_.shard.now();
  if (!header.attributes().is_control()) {
    producers.apply(ProducerBatch::of(header), now);
  } else if (header.has_producer_id()) {
    // The received bytes may carry other offsets than the written ones; the marker is the same.
    const auto view = records::BatchView::parse(received.view());
    Result<std::optional<EndTxnMarker>> marker =
        view ? read_end_txn_marker(*view) : std::unexpected(view.error());
    if (marker && *marker) {
      (**marker).offset = header.base_offset();
      CHECKED(note_marker(**marker));
    } else if (!marker) {
      COVERED("storage.marker_unreadable");
      context_.log.warn("{} has a control batch at {} that makes no sense: {}", name_.to_string(),
                        header.base_offset().value(), describe(marker.error()));
    }
  }
  producers.advance_to(header.next_offset());
  return {};
}

Result<> PartitionLog::note_marker(const EndTxnMarker& marker) {
  const auto ended = state().producers.apply(marker, context_.shard.now());
  if (!ended || !ended->is_aborted || mutant("storage.marker_not_indexed")) return {};
  COVERED("storage.transaction_aborted");
  return active().append_aborted(aborted_txn_of(*ended));
}

void PartitionLog::note_appended(size_t bytes) {
  if (config_->durability != Durability::os) active().start_writeback();
  context_.flusher.appended(*this, bytes);
}

Result<AppendResult> PartitionLog::append_as_follower(const Bytes& batches, WallTime now) {
  CHECKED(ready_to_append());
  AppendResult result{.first_offset = log_end_,
                      .last_offset = log_end_ - OffsetDelta(1),
                      .log_start_offset = log_start_};
  CHECKED(check_follower_batches(batches.view()));
  for (size_t at = 0; at < batches.size();) {
    TRY(at, append_run(batches, at, now, result));
  }
  if (result.bytes > 0) note_appended(result.bytes);
  return result;
}

Result<> PartitionLog::check_follower_batches(ByteView batches) const {
  records::BatchIterator iterator(batches);
  Offset next = log_end_;
  LeaderEpoch epoch = latest_epoch().value_or(kNoLeaderEpoch);
  // An epoch begun here but never written to is no obstacle to what the new leader sends.
  if (begun_epoch_ != kNoLeaderEpoch) epoch = kNoLeaderEpoch;
  while (true) {
    auto batch = iterator.next();
    if (!batch) return fail(Errc::corrupt_message, describe(batch.error()));
    if (!*batch) return {};
    const Result<> verified = (**batch).verify();
    if (!verified) return fail(Errc::corrupt_message, describe(verified.error()));
    if ((**batch).base_offset() < next || (**batch).last_offset_delta() < 0) {
      return fail(Errc::offset_out_of_range, "a batch below the end of the log");
    }
    if ((**batch).partition_leader_epoch() < epoch) {
      return fail(Errc::corrupt_message, "leader epochs fall");
    }
    epoch = (**batch).partition_leader_epoch();
    next = (**batch).next_offset();
  }
}

Result<size_t> PartitionLog::append_run(const Bytes& batches, size_t from, WallTime now,
                                        AppendResult& result) {
  // The longest run that goes into one segment goes with one write.
  const ByteView rest = batches.view().subspan(from);
  Sum sum;
  records::BatchIterator iterator(rest);
  while (true) {
    TRY(const auto batch, iterator.next());
    if (!batch) break;
    Sum with = sum;
    with.add(*batch);
    const bool fits = has_files_ && !active().should_roll(with.last_offset, with.max_timestamp,
                                                          with.bytes, now, *config_);
    if (sum.bytes == 0 && !fits) {
      CHECKED(make_room(with.last_offset, with.max_timestamp, with.bytes, now));
    } else if (!fits || with.bytes > static_cast<size_t>(config_->segment_bytes)) {
      break;
    }
    sum = with;
  }
  const ByteView run = rest.first(sum.bytes);
  CHECKED(write(std::span(&run, 1), run.size()));
  records::BatchIterator written(run);
  while (true) {
    TRY(const auto batch, written.next());
    if (!batch) break;
    if (result.bytes == 0) result.first_offset = batch->base_offset();
    CHECKED(batch_written(*batch, {}, batches.slice_of(batch->bytes())));
    result.bytes += batch->total_size();
    result.last_offset = batch->last_offset();
  }
  return from + run.size();
}

}  // namespace partita::storage
