// Reading a PartitionLog. A read may be suspended while the log is appended to, rolled, cut or
// fails: what it finds is judged again after every wait.

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "storage/partition_log_state.h"

namespace partita::storage {

namespace {

/// To a client, whatever is wrong below the log is the storage's fault.
Error as_storage_error(const Error& error) {
  if (error.code == Errc::stopped || error.code == Errc::kafka_storage_error) return error;
  return Error{.code = Errc::kafka_storage_error, .detail = describe(error)};
}

ReadResult nothing_at(Offset from) {
  return ReadResult{.bytes = {}, .first_offset = from, .next_offset = from};
}

}  // namespace

Result<ReadResult> PartitionLog::read_tail(Offset from, size_t bytes_max, Offset upper_bound,
                                           bool at_least_one_batch) const {
  CHECKED(usable());
  if (!loaded_) return fail(Errc::would_block, "the log is not loaded");
  if (from < log_start_ || from > log_end_) {
    return fail(Errc::offset_out_of_range,
                fmt::format("offset {} of {} is outside [{}, {}]", from.value(), name_.to_string(),
                            log_start_.value(), log_end_.value()));
  }
  if (from >= std::min(upper_bound, log_end_)) return nothing_at(from);
  if (has_files_ && buggify("storage.tail_ring_misses")) return fail(Errc::would_block);
  ReadResult result;
  LogTail::Found found;
  if (!state_ ||
      !state_->tail.read(from, upper_bound, bytes_max, at_least_one_batch, result.bytes, found)) {
    return fail(Errc::would_block, "not in memory");
  }
  result.first_offset = found.first_offset;
  result.next_offset = found.next_offset;
  result.size = found.bytes;
  result.from_memory = true;
  return result;
}

Task<Result<ReadResult>> PartitionLog::read(Offset from, size_t bytes_max, Offset upper_bound,
                                            bool at_least_one_batch) {
  if (!loaded_) CO_CHECKED(co_await load());
  Result<ReadResult> tail = read_tail(from, bytes_max, upper_bound, at_least_one_batch);
  if (tail || tail.error().code != Errc::would_block) co_return tail;
  if (!state_) co_return nothing_at(from);
  const Reading reading(*this);
  while (true) {
    const uint32_t generation = state_->generation;
    Result<ReadResult> result =
        co_await read_files(from, bytes_max, std::min(upper_bound, log_end_), at_least_one_batch);
    CO_CHECKED(usable());
    if (from < log_start_ || from > log_end_) {
      co_return fail(Errc::offset_out_of_range, "the log was cut during the read");
    }
    if (state_->generation != generation) {
      COVERED("storage.read_again_after_truncation");
      continue;
    }
    if (!result) co_return std::unexpected(as_storage_error(result.error()));
    co_return result;
  }
}

Result<> PartitionLog::check_quarantine(Offset offset) const {
  for (const OffsetRange& range : state_->quarantined) {
    if (!range.contains(offset)) continue;
    return fail(Errc::kafka_storage_error,
                fmt::format("offsets {} to {} of {} are corrupt on this broker",
                            range.first.value(), range.end.value() - 1, name_.to_string()));
  }
  return {};
}

size_t PartitionLog::segment_index(Offset offset) const {
  const auto& segments = state_->segments;
  const auto after = std::upper_bound(
      segments.begin(), segments.end(), offset,
      [](Offset wanted, const auto& segment) { return wanted < segment->base_offset(); });
  return after == segments.begin() ? 0 : static_cast<size_t>(after - segments.begin()) - 1;
}

Task<Result<ReadResult>> PartitionLog::read_files(Offset from, size_t bytes_max, Offset upper_bound,
                                                  bool at_least_one_batch) {
  State& s = *state_;
  const uint32_t generation = s.generation;
  Offset at = from;
  while (at < upper_bound && !s.segments.empty()) {
    CO_CHECKED(check_quarantine(at));
    Segment& segment = *s.segments[segment_index(at)];
    std::optional<uint64_t> known;
    for (const ReadCursor& cursor : s.cursors) {
      if (cursor.offset == at && cursor.segment_base == segment.base_offset()) {
        known = cursor.position;
      }
    }
    CO_TRY(SegmentRead found,
           co_await segment.read(at, upper_bound, bytes_max, at_least_one_batch, known));
    if (s.generation != generation) co_return nothing_at(from);
    if (found.at_end) {
      // Nothing is left in this segment: compaction, or a range that was lost, reaches to the next
      // one.
      const size_t next = segment_index(at) + 1;
      if (next >= s.segments.size()) co_return nothing_at(from);
      at = std::max(at.next(), s.segments[next]->base_offset());
      continue;
    }
    if (found.bytes.empty()) co_return nothing_at(from);
    s.cursors[s.next_cursor] = {.offset = found.next_offset,
                                .segment_base = segment.base_offset(),
                                .position = found.next_position};
    s.next_cursor = (s.next_cursor + 1) % s.cursors.size();
    ReadResult result{.bytes = {},
                      .first_offset = found.first_offset,
                      .next_offset = found.next_offset,
                      .size = found.bytes.size()};
    result.bytes.push_back(std::move(found.bytes));
    co_return result;
  }
  co_return nothing_at(from);
}

bool PartitionLog::has_aborted_transactions(Offset from) const {
  if (!state_) return false;
  const auto& segments = state_->segments;
  for (size_t i = segments.size(); i > 0 && segments[i - 1]->end_offset() > from; --i) {
    if (segments[i - 1]->last_aborted() >= from) return true;
  }
  return false;
}

Task<Result<std::vector<AbortedTxn>>> PartitionLog::aborted_transactions(Offset from,
                                                                         Offset upper_bound) {
  std::vector<AbortedTxn> found;
  CO_CHECKED(usable());
  if (!has_aborted_transactions(from)) co_return found;
  const Reading reading(*this);
  std::vector<Segment*> segments;
  for (size_t i = segment_index(from); i < state_->segments.size(); ++i) {
    Segment& segment = *state_->segments[i];
    if (segment.last_aborted() >= from) segments.push_back(&segment);
    if (mutant("storage.aborted_list_one_segment")) break;
  }
  for (Segment* segment : segments) {
    const auto complete = co_await segment->collect_aborted(from, upper_bound, found);
    CO_CHECKED(usable());
    if (from < log_start_) {
      co_return fail(Errc::offset_out_of_range, "the log was cut during the read");
    }
    if (!complete) co_return std::unexpected(as_storage_error(complete.error()));
    if (*complete) break;
  }
  co_return found;
}

Task<Result<std::optional<TimestampOffset>>> PartitionLog::offset_for_timestamp(
    WallTime timestamp, Offset upper_bound) {
  if (!loaded_) CO_CHECKED(co_await load());
  CO_CHECKED(usable());
  if (!state_) co_return std::nullopt;
  const Reading reading(*this);
  State& s = *state_;
  Offset at = log_start_;
  while (!s.segments.empty() && at < std::min(upper_bound, log_end_)) {
    Segment& segment = *s.segments[segment_index(at)];
    const Offset segment_end = segment.end_offset();
    const Offset from = std::max(at, log_start_);
    const auto largest = co_await segment.max_timestamp();
    if (!largest) co_return std::unexpected(as_storage_error(largest.error()));
    if (largest->timestamp >= timestamp) {
      const auto found =
          co_await segment.find_timestamp(timestamp, from, std::min(upper_bound, log_end_));
      CO_CHECKED(usable());
      if (!found) co_return std::unexpected(as_storage_error(found.error()));
      if (*found) {
        co_return TimestampOffset{.timestamp = (**found).timestamp,
                                  .offset = (**found).offset,
                                  .leader_epoch = epoch_of((**found).offset)};
      }
    }
    CO_CHECKED(usable());
    at = std::max(at.next(), segment_end);
  }
  co_return std::nullopt;
}

Task<Result<std::optional<TimestampOffset>>> PartitionLog::offset_of_max_timestamp() {
  if (!loaded_) CO_CHECKED(co_await load());
  CO_CHECKED(usable());
  if (!state_ || state_->segments.empty()) co_return std::nullopt;
  const Reading reading(*this);
  State& s = *state_;
  Segment* best = nullptr;
  WallTime best_timestamp = kNoTimestamp;
  for (Offset at = log_start_; at < log_end_;) {
    Segment& segment = *s.segments[segment_index(at)];
    const Offset segment_end = segment.end_offset();
    const auto largest = co_await segment.max_timestamp();
    if (!largest) co_return std::unexpected(as_storage_error(largest.error()));
    if (largest->timestamp > best_timestamp) {
      best = &segment;
      best_timestamp = largest->timestamp;
    }
    at = std::max(at.next(), segment_end);
  }
  if (best == nullptr) co_return std::nullopt;
  const auto found = co_await best->find_max_timestamp();
  CO_CHECKED(usable());
  if (!found) co_return std::unexpected(as_storage_error(found.error()));
  if (!*found || (**found).timestamp.ms() < 0) co_return std::nullopt;
  co_return TimestampOffset{.timestamp = (**found).timestamp,
                            .offset = std::max((**found).offset, log_start_),
                            .leader_epoch = epoch_of((**found).offset)};
}

}  // namespace partita::storage
