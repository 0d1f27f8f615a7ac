#pragma once
// Batches for tests, fuzz targets and benches: built ones, and ones with bytes changed and the CRC
// made right again.

#include <string>
#include <vector>

#include "base/check.h"
#include "base/crc32c.h"
#include "records/batch_builder.h"

namespace partita::records::testing {

inline constexpr int64_t kFirstTimestamp = 1700000000000;

/// `count` records key-N, with values of `value_bytes`, 10 ms apart; every third has a header.
inline std::vector<uint8_t> make_batch(int count, size_t value_bytes,
                                       const BatchOptions& options = {}) {
  BatchBuilder builder(options);
  for (int i = 0; i < count; i++) {
    const std::string key = "key-" + std::to_string(i);
    std::string value = "value-" + std::to_string(i) + "-";
    value.resize(value_bytes, '.');
    const RecordHeader header{"n", as_bytes(key)};
    builder.append({.key = as_bytes(key),
                    .value = as_bytes(value),
                    .timestamp = WallTime(kFirstTimestamp + 10 * i),
                    .headers = {&header, i % 3 == 0 ? size_t{1} : size_t{0}}});
  }
  Compressor compressor;
  const Result<Bytes> batch = builder.build(compressor);
  CHECK(batch.has_value());
  return {batch->view().begin(), batch->view().end()};
}

/// Makes length and CRC those of the bytes.
inline void seal(std::vector<uint8_t>& batch) {
  if (batch.size() < kBatchHeaderBytes) return;
  store_be<int32_t>(batch.data() + 8, static_cast<int32_t>(batch.size() - kLengthEnd));
  store_be<uint32_t>(batch.data() + 17, crc32c(ByteView(batch).subspan(kCrcStart)));
}

/// A batch around records that were made by hand.
inline std::vector<uint8_t> wrap_records(ByteView records, int32_t count,
                                         BatchOptions options = {}) {
  options.base_timestamp = WallTime(kFirstTimestamp);
  options.max_timestamp = WallTime(kFirstTimestamp);
  const Codec codec = std::exchange(options.codec, Codec::none);
  BatchBuilder builder(options);
  const Result<Bytes> empty = builder.build();
  CHECK(empty.has_value());
  std::vector<uint8_t> batch(empty->view().begin(), empty->view().end());
  batch.insert(batch.end(), records.begin(), records.end());
  store_be<int16_t>(batch.data() + 21,
                    BatchAttributes(load_be<int16_t>(batch.data() + 21)).with(codec).bits());
  store_be<int32_t>(batch.data() + 23, count - 1);
  store_be<int32_t>(batch.data() + 57, count);
  seal(batch);
  return batch;
}

}  // namespace partita::records::testing
