#include "records/lookup.h"

#include <fmt/format.h>

#include "base/fault_points.h"
#include "records/batch_records.h"

namespace partita::records {

namespace {

/// Records of a batch with their places; offsets that a batch cannot have are an error, so that no
/// answer lies outside of it.
class PlacedRecords {
 public:
  static Result<PlacedRecords> open(const BatchView& batch, Decompressor& decompressor,
                                    size_t inflated_bytes_max) {
    TRY(BatchRecords records, BatchRecords::open(batch, decompressor, inflated_bytes_max));
    return PlacedRecords(batch, std::move(records));
  }

  Result<std::optional<RecordPosition>> next() {
    Record record;
    TRY(const bool more, iterator_.next(record));
    if (!more) return std::nullopt;
    if (record.offset_delta <= last_delta_ || record.offset_delta > batch_.last_offset_delta()) {
      return fail(Errc::corrupt_data,
                  fmt::format("record with offset delta {} after {}, last of the batch {}",
                              record.offset_delta, last_delta_, batch_.last_offset_delta()));
    }
    last_delta_ = record.offset_delta;
    return RecordPosition{batch_.offset_at(record.offset_delta),
                          batch_.timestamp_at(record.timestamp_delta)};
  }

 private:
  PlacedRecords(const BatchView& batch, BatchRecords records)
      : batch_(batch), records_(std::move(records)), iterator_(records_.iterate()) {}

  BatchView batch_;
  BatchRecords records_;
  RecordIterator iterator_;
  int32_t last_delta_ = -1;
};

}  // namespace

Result<std::optional<RecordPosition>> find_timestamp(const BatchView& batch, WallTime timestamp,
                                                     Offset from, Decompressor& decompressor,
                                                     size_t inflated_bytes_max) {
  TRY(PlacedRecords records, PlacedRecords::open(batch, decompressor, inflated_bytes_max));
  for (;;) {
    TRY(const std::optional<RecordPosition> record, records.next());
    if (!record) return std::nullopt;
    const bool late_enough = mutant("records.lookup_strictly_after")
                                 ? record->timestamp > timestamp
                                 : record->timestamp >= timestamp;
    if (late_enough && record->offset >= from) return record;
  }
}

Result<std::optional<RecordPosition>> find_max_timestamp(const BatchView& batch,
                                                         Decompressor& decompressor,
                                                         size_t inflated_bytes_max) {
  TRY(PlacedRecords records, PlacedRecords::open(batch, decompressor, inflated_bytes_max));
  std::optional<RecordPosition> latest;
  for (;;) {
    TRY(const std::optional<RecordPosition> record, records.next());
    if (!record) return latest;
    if (!latest || record->timestamp > latest->timestamp) latest = record;
  }
}

}  // namespace partita::records
