#include "records/recompress.h"

#include <fmt/format.h>

#include <limits>

#include "base/crc32c.h"

namespace partita::records {

Result<Bytes> recompress(const BatchView& batch, ByteView records, const RecompressOptions& options,
                         Compressor& compressor) {
  Buffer made(kBatchHeaderBytes +
              (options.codec == Codec::none ? records.size() : records.size() / 2));
  made.append(batch.header_bytes());
  CHECKED(compressor.deflate(options.codec, options.compression_level, records, made));
  if (made.size() - kLengthEnd > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return fail(Errc::message_too_large, fmt::format("a batch of {} bytes", made.size()));
  }
  BatchAttributes attributes = batch.attributes().with(options.codec);
  WallTime max_timestamp = batch.max_timestamp();
  if (options.append_time) {
    attributes = attributes.with(TimestampType::log_append_time);
    max_timestamp = *options.append_time;
  } else if (attributes.timestamp_type() == TimestampType::create_time) {
    max_timestamp = options.max_timestamp.value_or(max_timestamp);
  }
  uint8_t* const to = made.data();
  store_be<int32_t>(to + 8, static_cast<int32_t>(made.size() - kLengthEnd));
  store_be<int16_t>(to + 21, attributes.bits());
  store_be<int64_t>(to + 35, max_timestamp.ms());
  store_be<uint32_t>(to + 17, crc32c(made.view().subspan(kCrcStart)));
  return std::move(made).freeze();
}

Judged<Bytes> recompress_produced(ProducedBatch& produced, Codec codec, std::optional<int> level,
                                  size_t inflated_bytes_max, Decompressor& decompressor,
                                  Compressor& compressor) {
  if (produced.codec == codec) return Bytes();
  Buffer inflated;
  CHECKED(check_inside(produced, decompressor, inflated_bytes_max, &inflated));
  const ByteView records =
      produced.codec == Codec::none ? produced.batch.records() : inflated.view();
  const RecompressOptions options{
      .codec = codec, .compression_level = level, .max_timestamp = produced.max_timestamp};
  TRY(Bytes made, recompress(produced.batch, records, options, compressor));
  TRY(produced.batch, BatchView::parse(made.view()));
  produced.codec = codec;
  return made;
}

}  // namespace partita::records
