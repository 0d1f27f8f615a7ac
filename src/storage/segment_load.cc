// A segment's indexes: opened when they are first asked (the transaction index when the log is
// loaded), made anew from the log where they make no sense.

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "storage/batch_scan.h"
#include "storage/segment.h"
#include "storage/shard_logs.h"

namespace partita::storage {
namespace {

/// A segment of this size that has no index entry has lost them (or holds few enormous batches: no
/// harm done).
constexpr uint64_t kUnindexedBytesMax = uint64_t{2} << 20;

}  // namespace

Task<Result<>> Segment::open_indexes() {
  while (opening_) CO_CHECKED(co_await opened_.wait(context_.scope));
  if (indexes_open_) co_return Result<>();
  opening_ = true;
  Result<> opened = co_await open_index_files();
  if (!opened &&
      (opened.error().code == Errc::corrupt_data || opened.error().code == Errc::truncated_data ||
       opened.error().code == Errc::not_found)) {
    COVERED("storage.index_rebuilt");
    context_.log.info("Making the indexes of {} anew: {}", log_.path(), describe(opened.error()));
    opened = co_await rebuild_indexes();
  }
  indexes_open_ = opened.has_value();
  opening_ = false;
  opened_.wake_all();
  co_return opened;
}

Task<Result<>> Segment::open_index_files() {
  Executor& executor = context_.shard.executor();
  CO_TRY(FilePin index, index_file_.pin());
  CO_TRY(offset_index_, co_await OffsetIndex::open(executor, *index, base_, index_bytes_max_, size_,
                                                   IndexCheck::ends));
  CO_TRY(FilePin times, time_file_.pin());
  CO_TRY(time_index_, co_await TimeIndex::open(executor, *times, base_, index_bytes_max_, end_,
                                               IndexCheck::ends));
  if (offset_index_.entry_count() == 0 && size_ > kUnindexedBytesMax) {
    co_return fail(Errc::corrupt_data, "an index without entries");
  }
  co_return Result<>();
}

Task<Result<>> Segment::rebuild_indexes() {
  CO_CHECKED(reset_indexes());
  CO_TRY(FilePin file, pin());
  BatchScan scan(context_.shard.executor(), *file, 0, size_);
  while (true) {
    const uint64_t position = scan.position();
    const auto header = co_await scan.next_header();
    if (!header && header.error().code == Errc::corrupt_data) {
      // What can be found can be read; what lies behind answers with the corruption itself.
      COVERED("storage.index_rebuilt_to_corruption");
      break;
    }
    CO_CHECKED(header);
    if (!*header) break;
    const BatchFacts batch{.last_offset = (**header).last_offset(),
                           .max_timestamp = (**header).max_timestamp(),
                           .bytes = (**header).total_size()};
    CO_CHECKED(note_batch(position, batch));
  }
  CO_CHECKED(write_entries());
  if (largest_.timestamp.ms() < 0) co_return Result<>();
  CO_TRY(FilePin times, time_file_.pin(OpenMode::create_or_open));
  co_return time_index_.maybe_append(*times, largest_.timestamp, largest_.offset,
                                     TimeIndex::Closing::yes);
}

Task<Result<Offset>> Segment::activate() {
  CO_CHECKED(co_await open_indexes());
  CO_CHECKED(write_entries());
  const TimestampEntry last = time_index_.last_entry();
  largest_ = last.timestamp.ms() >= 0
                 ? SegmentTimestamp{.timestamp = last.timestamp, .offset = last.offset}
                 : SegmentTimestamp{};
  CO_TRY(FilePin file, pin());
  Executor& executor = context_.shard.executor();
  BatchScan from_start(executor, *file, 0, size_);
  CO_TRY(const auto first, co_await from_start.next_header());
  first_timestamp_.reset();
  if (first && first->max_timestamp().ms() >= 0) first_timestamp_ = first->max_timestamp();

  const uint64_t indexed = offset_index_.last_entry().position;
  if (indexed > size_) co_return fail(Errc::corrupt_data, "the index reaches beyond the segment");
  BatchScan scan(executor, *file, indexed, size_);
  Offset end = base_;
  while (true) {
    CO_TRY(const auto header, co_await scan.next_header());
    if (!header) break;
    if (header->max_timestamp() > largest_.timestamp) {
      largest_ = {.timestamp = header->max_timestamp(), .offset = header->last_offset()};
    }
    end = header->next_offset();
  }
  bytes_since_entry_ = size_ - indexed;
  written_back_ = size_;
  active_ = true;
  if (created_ == kNoTimestamp) created_ = context_.shard.clock().wall();
  co_return end;
}

Task<Result<uint64_t>> Segment::floor_position(Offset offset) {
  CO_CHECKED(co_await open_indexes());
  if (offset <= base_) co_return uint64_t{0};
  if (!unwritten_.empty() && offset >= unwritten_.front().at.offset) {
    const auto after = std::ranges::upper_bound(
        unwritten_, offset, {}, [](const Unwritten& entry) { return entry.at.offset; });
    co_return std::prev(after)->at.position;
  }
  if (const auto known = offset_index_.lookup_in_memory(offset)) co_return known->position;
  CO_TRY(FilePin index, index_file_.pin());
  const auto found = co_await offset_index_.lookup(context_.shard.executor(), *index, offset);
  if (!found && found.error().code != Errc::corrupt_data) co_return std::unexpected(found.error());
  if (found && found->position <= size_) co_return found->position;
  // The file has changed behind us: the log itself can still be walked from its start.
  COVERED("storage.index_lied");
  co_return uint64_t{0};
}

Task<Result<Offset>> Segment::time_floor(WallTime timestamp) {
  CO_CHECKED(co_await open_indexes());
  if (!unwritten_.empty() && unwritten_.front().largest.timestamp.ms() >= 0 &&
      timestamp >= unwritten_.front().largest.timestamp) {
    const auto after = std::ranges::upper_bound(
        unwritten_, timestamp, {}, [](const Unwritten& entry) { return entry.largest.timestamp; });
    co_return std::prev(after)->largest.offset;
  }
  if (const auto known = time_index_.lookup_in_memory(timestamp)) co_return known->offset;
  CO_TRY(FilePin times, time_file_.pin());
  const auto found = co_await time_index_.lookup(context_.shard.executor(), *times, timestamp);
  if (!found && found.error().code != Errc::corrupt_data) co_return std::unexpected(found.error());
  co_return found ? found->offset : base_;
}

Task<Result<SegmentTimestamp>> Segment::max_timestamp() {
  CO_CHECKED(co_await open_indexes());
  if (active_) co_return largest_;
  const TimestampEntry last = time_index_.last_entry();
  if (last.timestamp.ms() < 0) co_return SegmentTimestamp{};
  co_return SegmentTimestamp{.timestamp = last.timestamp, .offset = last.offset};
}

Result<> Segment::append_aborted(const AbortedTxn& txn) {
  CHECK(txn.last_offset >= base_);
  CHECK(txn.last_offset < end_);
  if (!txn_index_) found_txn_index();
  return txn_index_->append(txn);
}

Task<Result<bool>> Segment::collect_aborted(Offset from, Offset upper_bound,
                                            std::vector<AbortedTxn>& found) {
  if (!txn_index_) co_return false;
  co_return co_await txn_index_->collect(context_.shard.executor(), from, upper_bound, found);
}

void Segment::found_txn_index() {
  txn_index_ = std::make_unique<TransactionIndex>(context_.files, path(kTxnIndexSuffix), base_);
}

Task<Result<>> Segment::open_txn_index() {
  if (!txn_index_) co_return Result<>();
  co_return co_await txn_index_->open(context_.shard.executor(), end_);
}

Result<> Segment::drop_txn_index() {
  txn_index_.reset();
  const Result<> gone = context_.shard.disk().unlink(path(kTxnIndexSuffix));
  if (!gone && gone.error().code == Errc::not_found) return {};
  return gone;
}

Result<> Segment::complete_txn_index(std::vector<std::string>& files) {
  if (!txn_index_) return {};
  CHECKED(txn_index_->write_out());
  if (mutant("storage.txn_index_not_synced")) return {};
  files.push_back(txn_index_->path());
  return {};
}

Task<Result<uint64_t>> Segment::position_of(Offset offset) {
  CO_TRY(const uint64_t floor, co_await floor_position(offset));
  CO_TRY(FilePin file, pin());
  BatchScan scan(context_.shard.executor(), *file, floor, size_);
  while (true) {
    const uint64_t position = scan.position();
    CO_TRY(const auto header, co_await scan.next_header());
    if (!header || header->last_offset() >= offset) co_return position;
  }
}

}  // namespace partita::storage
