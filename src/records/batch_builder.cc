#include "records/batch_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/varint.h"

namespace partita::records {

namespace {

constexpr size_t kBatchBytesMax = static_cast<size_t>(std::numeric_limits<int32_t>::max()) - 1024;

int64_t wrapping_difference(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

size_t length_size(size_t length) {
  return uvarint_size(zigzag(static_cast<int64_t>(length)));
}

size_t nullable_size(const std::optional<ByteView>& bytes) {
  return bytes ? length_size(bytes->size()) + bytes->size() : 1;
}

/// Of the record without its own length.
size_t body_size(int64_t timestamp_delta, int32_t offset_delta, const NewRecord& record) {
  size_t size = 1 + uvarint_size(zigzag(timestamp_delta)) + uvarint_size(zigzag(offset_delta)) +
                nullable_size(record.key) + nullable_size(record.value) +
                length_size(record.headers.size());
  for (const RecordHeader& header : record.headers) {
    size += length_size(header.key.size()) + header.key.size() + nullable_size(header.value);
  }
  return size;
}

uint8_t* put_bytes(uint8_t* to, ByteView bytes) {
  to += put_uvarint(to, zigzag(static_cast<int32_t>(bytes.size())));
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

uint8_t* put_nullable(uint8_t* to, const std::optional<ByteView>& bytes) {
  if (bytes) return put_bytes(to, *bytes);
  return to + put_uvarint(to, zigzag(int32_t{-1}));
}

}  // namespace

BatchBuilder::BatchBuilder(BatchOptions options) : options_(options) {
  clear();
}

void BatchBuilder::clear() {
  buffer_ = Buffer();
  count_ = 0;
  last_delta_ = -1;
  first_timestamp_ = options_.base_timestamp;
  max_timestamp_ = kNoTimestamp;
  too_large_ = false;
}

void BatchBuilder::open() {
  if (buffer_.size() != 0) return;
  buffer_.reserve(512);
  buffer_.grow_by(kBatchHeaderBytes);
}

void BatchBuilder::append(const NewRecord& record) {
  append_at(last_delta_ + 1, record);
}

void BatchBuilder::append_at(int32_t offset_delta, const NewRecord& record) {
  CHECK(offset_delta > last_delta_);
  CHECK(offset_delta < std::numeric_limits<int32_t>::max());
  if (!first_timestamp_) first_timestamp_ = record.timestamp;
  put_record(offset_delta, record);
  max_timestamp_ = std::max(max_timestamp_, record.timestamp);
  last_delta_ = offset_delta;
  count_++;
}

void BatchBuilder::append_control(ByteView key, ByteView value, WallTime timestamp) {
  append({.key = key, .value = value, .timestamp = timestamp});
}

size_t BatchBuilder::size_with(const NewRecord& record) const {
  const int64_t first = first_timestamp_.value_or(record.timestamp).ms();
  const size_t body =
      body_size(wrapping_difference(record.timestamp.ms(), first), last_delta_ + 1, record);
  return size() + length_size(body) + body;
}

void BatchBuilder::put_record(int32_t offset_delta, const NewRecord& record) {
  const int64_t timestamp_delta =
      wrapping_difference(record.timestamp.ms(), first_timestamp_->ms());
  const size_t body = body_size(timestamp_delta, offset_delta, record);
  open();
  // The batch can no longer be built; build() says so, and memory stops growing here.
  too_large_ = too_large_ || body > kBatchBytesMax || buffer_.size() + body > kBatchBytesMax;
  if (too_large_) return;
  const size_t total = length_size(body) + body;
  if (buffer_.capacity() - buffer_.size() < total) {
    buffer_.reserve(std::max(buffer_.size() + total, 2 * buffer_.capacity()));
  }
  uint8_t* to = buffer_.spare().data();
  to += put_uvarint(to, zigzag(static_cast<int32_t>(body)));
  *to++ = 0;  // attributes: none are defined
  to += put_uvarint(to, zigzag(timestamp_delta));
  to += put_uvarint(to, zigzag(offset_delta));
  to = put_nullable(to, record.key);
  to = put_nullable(to, record.value);
  to += put_uvarint(to, zigzag(static_cast<int32_t>(record.headers.size())));
  for (const RecordHeader& header : record.headers) {
    to = put_nullable(put_bytes(to, as_bytes(header.key)), header.value);
  }
  buffer_.grow_by(total);
}

void BatchBuilder::write_header(uint8_t* to, size_t total_size) const {
  const BatchAttributes attributes =
      BatchAttributes()
          .with(options_.codec)
          .with(options_.append_time ? TimestampType::log_append_time : TimestampType::create_time)
          .with_transactional(options_.transactional)
          .with_control(options_.control)
          .with_delete_horizon(options_.delete_horizon);
  const WallTime max_timestamp =
      options_.append_time.value_or(options_.max_timestamp.value_or(max_timestamp_));
  store_be<int64_t>(to, options_.base_offset.value());
  store_be<int32_t>(to + 8, static_cast<int32_t>(total_size - kLengthEnd));
  store_be<int32_t>(to + 12, options_.partition_leader_epoch.value());
  to[16] = 2;
  store_be<int16_t>(to + 21, attributes.bits());
  store_be<int32_t>(to + 23, options_.last_offset_delta.value_or(std::max(last_delta_, 0)));
  store_be<int64_t>(to + 27, first_timestamp_.value_or(kNoTimestamp).ms());
  store_be<int64_t>(to + 35, max_timestamp.ms());
  store_be<int64_t>(to + 43, options_.producer_id.value());
  store_be<int16_t>(to + 51, options_.producer_epoch.value());
  store_be<int32_t>(to + 53, options_.base_sequence);
  store_be<int32_t>(to + 57, count_);
  store_be<uint32_t>(to + 17, crc32c({to + kCrcStart, total_size - kCrcStart}));
}

Result<Bytes> BatchBuilder::seal(Buffer batch) {
  if (too_large_ || batch.size() > kBatchBytesMax) {
    clear();
    return fail(Errc::message_too_large, "the batch would pass 2 GiB");
  }
  write_header(batch.data(), batch.size());
  clear();
  return std::move(batch).freeze();
}

Result<Bytes> BatchBuilder::build() {
  CHECK(options_.codec == Codec::none);
  open();
  return seal(std::move(buffer_));
}

Result<Bytes> BatchBuilder::build(Compressor& compressor) {
  // A batch without records has nothing to compress: every reader stops at the count of zero.
  if (options_.codec == Codec::none || count_ == 0) {
    open();
    return seal(std::move(buffer_));
  }
  Buffer batch(kBatchHeaderBytes + buffer_.size() / 2);
  batch.grow_by(kBatchHeaderBytes);
  CHECKED(compressor.deflate(options_.codec, options_.compression_level,
                             buffer_.view().subspan(kBatchHeaderBytes), batch));
  return seal(std::move(batch));
}

}  // namespace partita::records
