#include "storage/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/check.h"
#include "base/fault_points.h"
#include "storage/deleted_files.h"
#include "storage/log_config.h"
#include "storage/shard_logs.h"

namespace partita::storage {
namespace {

constexpr size_t kOffsetDigits = 20;
constexpr uint64_t kPositionMax = std::numeric_limits<int32_t>::max();

}  // namespace

std::string segment_file_name(Offset base, std::string_view suffix) {
  return fmt::format("{:020}{}", base.value(), suffix);
}

std::optional<Offset> parse_segment_file_name(std::string_view name, std::string_view suffix) {
  if (name.size() != kOffsetDigits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  int64_t base = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + kOffsetDigits, base);
  if (error != std::errc() || end != name.data() + kOffsetDigits || base < 0) return std::nullopt;
  return Offset(base);
}

Segment::Segment(LogContext& context, const std::string& directory, Offset base, uint64_t size,
                 Offset end, const LogConfig& config)
    : context_(context),
      base_(base),
      index_bytes_max_(static_cast<uint32_t>(config.segment_index_bytes)),
      index_interval_bytes_(static_cast<uint32_t>(config.index_interval_bytes)),
      size_(size),
      end_(end),
      log_(context.files, join_path(directory, segment_file_name(base, kLogSuffix))),
      index_file_(context.files, join_path(directory, segment_file_name(base, kOffsetIndexSuffix))),
      time_file_(context.files, join_path(directory, segment_file_name(base, kTimeIndexSuffix))),
      offset_index_(base, index_bytes_max_),
      time_index_(base, index_bytes_max_) {
  CHECK(base.value() >= 0);
  CHECK(end >= base);
}

std::string Segment::path(std::string_view suffix) const {
  return join_path(parent_path(log_.path()), segment_file_name(base_, suffix));
}

Result<> Segment::create(WallTime now) {
  CHECK(size_ == 0);
  TRY(FilePin file, log_.pin(OpenMode::create_or_open));
  // A name may be left of a roll that failed half-way.
  CHECKED(file->truncate(0));
  CHECKED(reset_indexes());
  CHECKED(drop_txn_index());
  created_ = now;
  jitter_ms_ = 0;
  indexes_open_ = true;
  active_ = true;
  return {};
}

bool Segment::should_roll(Offset last_offset, WallTime max_timestamp, size_t bytes, WallTime now,
                          const LogConfig& config) const {
  CHECK(active_);
  if (size_ == 0) return false;
  if (size_ + bytes > static_cast<uint64_t>(config.segment_bytes)) return true;
  if (size_ + bytes > kPositionMax) return true;
  // The last place of a time index is for the entry that closes it.
  if (offset_index_.places_left() <= unwritten_.size()) return true;
  if (time_index_.places_left() <= unwritten_.size() + 1) return true;
  if (!offset_index_.can_hold(last_offset)) return true;
  // As in Kafka: by the records' own time where they have one, else by the segment's age.
  const bool by_records = first_timestamp_ && max_timestamp.ms() >= 0;
  const int64_t waited =
      by_records ? max_timestamp.ms() - first_timestamp_->ms() : now.ms() - created_.ms();
  return waited > config.segment_ms - jitter_ms_;
}

Result<> Segment::write(std::span<const ByteView> parts, size_t bytes) {
  CHECK(active_);
  CHECK(size_ + bytes <= kPositionMax);
  TRY(FilePin file, log_.pin());
  Result<> written = file->write(size_, parts);
  if (written) return written;
  COVERED("storage.write_failed");
  const Result<> cut = file->truncate(size_);
  if (!cut)
    return fail(Errc::io_error, "a torn write could not be cut off: " + describe(cut.error()));
  return written;
}

void Segment::start_writeback() {
  constexpr uint64_t kWritebackBytes = uint64_t{2} << 20;
  if (size_ - written_back_ < kWritebackBytes) return;
  Result<FilePin> file = log_.pin();
  if (!file) return;  // the flush will tell
  (*file)->start_writeback(written_back_, size_ - written_back_);
  written_back_ = size_;
}

Result<> Segment::appended(const BatchFacts& batch) {
  return index_found(size_, end_, batch, false);
}

Result<> Segment::index_found(uint64_t position, Offset first_offset, const BatchFacts& batch,
                              bool force_entry) {
  CHECK(active_);
  CHECK(position >= size_);
  CHECK(batch.last_offset >= end_);
  if (force_entry) CHECKED(add_entry(first_offset, position));
  CHECKED(note_batch(position, batch));
  size_ = position + batch.bytes;
  end_ = batch.last_offset.next();
  return {};
}

Result<> Segment::note_batch(uint64_t position, const BatchFacts& batch) {
  if (!first_timestamp_ && batch.max_timestamp.ms() >= 0) first_timestamp_ = batch.max_timestamp;
  if (batch.max_timestamp > largest_.timestamp) {
    largest_ = {.timestamp = batch.max_timestamp, .offset = batch.last_offset};
  }
  if (bytes_since_entry_ > index_interval_bytes_) {
    const bool off_by_one = mutant("storage.index_off_by_one");
    CHECKED(add_entry(off_by_one ? Offset(batch.last_offset.value() - 1) : batch.last_offset,
                      off_by_one ? position + batch.bytes : position));
  }
  bytes_since_entry_ += batch.bytes;
  return {};
}

Result<> Segment::add_entry(Offset offset, uint64_t position) {
  // An index that misses an entry is as good as one whose interval was larger.
  if (offset_index_.places_left() <= unwritten_.size() || !offset_index_.can_hold(offset)) {
    return {};
  }
  const OffsetPosition last =
      unwritten_.empty() ? offset_index_.last_entry() : unwritten_.back().at;
  if (offset <= last.offset || position <= last.position) return {};
  unwritten_.push_back({.at = {.offset = offset, .position = static_cast<uint32_t>(position)},
                        .largest = {.timestamp = largest_.timestamp, .offset = largest_.offset}});
  bytes_since_entry_ = 0;
  if (unwritten_.size() < kUnwrittenEntriesMax) return {};
  return write_entries();
}

Result<> Segment::write_entries() {
  if (unwritten_.empty()) return {};
  std::vector<OffsetPosition> offsets;
  std::vector<TimestampEntry> timestamps;
  for (const Unwritten& entry : unwritten_) {
    offsets.push_back(entry.at);
    timestamps.push_back(entry.largest);
  }
  unwritten_.clear();
  TRY(FilePin index, index_file_.pin(OpenMode::create_or_open));
  TRY(FilePin times, time_file_.pin(OpenMode::create_or_open));
  Result<> written = offset_index_.append(*index, offsets);
  if (written) written = time_index_.maybe_append(*times, timestamps);
  if (written) return written;
  if (written.error().code != Errc::no_space && written.error().code != Errc::limit_exceeded) {
    return written;
  }
  COVERED("storage.index_entry_without_space");
  return {};
}

Result<> Segment::prepare_close(std::vector<std::string>& files) {
  CHECK(indexes_open_);
  CHECKED(write_entries());
  TRY(FilePin index, index_file_.pin(OpenMode::create_or_open));
  TRY(FilePin times, time_file_.pin(OpenMode::create_or_open));
  if (largest_.timestamp.ms() >= 0) {
    CHECKED(time_index_.maybe_append(*times, largest_.timestamp, largest_.offset,
                                     TimeIndex::Closing::yes));
  }
  CHECKED(offset_index_.trim(*index));
  CHECKED(time_index_.trim(*times));
  files.push_back(index_file_.path());
  files.push_back(time_file_.path());
  return complete_txn_index(files);
}

Result<> Segment::seal(std::vector<std::string>& files) {
  CHECK(active_);
  CHECKED(prepare_close(files));
  active_ = false;
  return {};
}

Result<> Segment::rename_away(int64_t delay_ms) {
  const Instant when = context_.shard.now() + from_ms(delay_ms);
  for (const std::string_view suffix :
       {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix, kTxnIndexSuffix}) {
    const Result<> renamed = context_.deleted.rename_away(path(suffix), when);
    if (!renamed && renamed.error().code != Errc::not_found) return renamed;
  }
  return {};
}

Result<> Segment::reset_indexes() {
  offset_index_ = OffsetIndex(base_, index_bytes_max_);
  time_index_ = TimeIndex(base_, index_bytes_max_);
  for (LogFile* file : {&index_file_, &time_file_}) {
    const Result<FilePin> old = file->pin();
    if (!old && old.error().code == Errc::not_found) continue;
    if (!old) return std::unexpected(old.error());
    CHECKED((**old).truncate(0));
  }
  unwritten_.clear();
  bytes_since_entry_ = 0;
  largest_ = {};
  first_timestamp_ = {};
  return {};
}

Result<> Segment::begin_rebuild() {
  CHECKED(reset_indexes());
  CHECKED(drop_txn_index());
  size_ = 0;
  end_ = base_;
  indexes_open_ = true;
  active_ = true;
  return {};
}

void Segment::set_end(uint64_t size, Offset end) {
  CHECK(end >= end_);
  size_ = size;
  end_ = end;
}

Task<Result<>> Segment::truncate_to(Offset offset) {
  CO_TRY(const uint64_t position, co_await position_of(offset));
  CO_CHECKED(write_entries());
  CO_TRY(FilePin file, pin());
  CO_CHECKED(file->truncate(position));
  CO_TRY(FilePin index, index_file_.pin(OpenMode::create_or_open));
  CO_TRY(FilePin times, time_file_.pin(OpenMode::create_or_open));
  Executor& executor = context_.shard.executor();
  CO_CHECKED(co_await offset_index_.truncate_to(executor, *index, offset));
  CO_CHECKED(co_await time_index_.truncate_to(executor, *times, offset));
  if (txn_index_) CO_CHECKED(co_await txn_index_->truncate_to(executor, offset));
  size_ = position;
  end_ = offset;
  written_back_ = std::min(written_back_, size_);
  CO_CHECKED(co_await activate());
  co_return Result<>();
}

}  // namespace partita::storage
