#include "records/batch_records.h"

#include <fmt/format.h>

namespace partita::records {

Result<BatchRecords> BatchRecords::open(const BatchView& batch, Decompressor& decompressor,
                                        size_t inflated_bytes_max) {
  const std::optional<Codec> codec = batch.attributes().codec();
  if (!codec)
    return fail(Errc::corrupt_data, fmt::format("codec {}", batch.attributes().codec_bits()));
  if (batch.record_count() < 0)
    return fail(Errc::corrupt_data, fmt::format("{} records", batch.record_count()));
  // Compaction may leave a batch without records, whose bits still name its old codec.
  if (*codec == Codec::none || (batch.record_count() == 0 && batch.records().empty())) {
    return BatchRecords(batch.records(), std::nullopt, batch.record_count());
  }
  TRY(Buffer inflated, decompressor.inflate(*codec, batch.records(), inflated_bytes_max));
  return BatchRecords({}, std::move(inflated), batch.record_count());
}

}  // namespace partita::records
