#pragma once
// Makes a batch anew with another codec or append time, for topics with a compression.type of their
// own. Offsets, sequences, headers and the records' bytes stay; only what holds them changes.

#include <optional>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "records/batch.h"
#include "records/check.h"
#include "records/compress.h"

namespace partita::records {

struct RecompressOptions {
  Codec codec = Codec::none;
  std::optional<int> compression_level = {};
  /// Makes the type LogAppendTime with this time; else the type is kept, and CreateTime gets
  /// max_timestamp.
  std::optional<WallTime> append_time = {};
  /// The maximum of the records where the header's may lie; else the header's is kept.
  std::optional<WallTime> max_timestamp = {};
};

/// `records` are the batch's records, inflated and checked (check_inside). The answer keeps the
/// base offset and leader epoch that `batch` has.
Result<Bytes> recompress(const BatchView& batch, ByteView records, const RecompressOptions& options,
                         Compressor& compressor);

/// What a topic with a compression.type of its own does with a produced batch: nothing where the
/// codec is that already (empty Bytes), else it reads the records as check_inside does and makes
/// the batch anew. `produced` then describes, and borrows, the answer; its maximum timestamp is
/// right, so that make_prefix changes nothing but for append time. As in Kafka check_rules comes
/// before, with the indexes of wrong records, and once more after, because of the size.
Judged<Bytes> recompress_produced(ProducedBatch& produced, Codec codec, std::optional<int> level,
                                  size_t inflated_bytes_max, Decompressor& decompressor,
                                  Compressor& compressor);

}  // namespace partita::records
