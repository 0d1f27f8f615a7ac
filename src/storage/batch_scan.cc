#include "storage/batch_scan.h"

#include <algorithm>

#include "base/check.h"

namespace partita::storage {
namespace {

/// Whatever is wrong with bytes of a file is corruption of that file.
Error as_corruption(const Error& error) {
  return Error{.code = Errc::corrupt_data, .detail = error.detail};
}

}  // namespace

BatchScan::BatchScan(Executor& executor, File& file, uint64_t position, uint64_t end, size_t chunk)
    : executor_(executor), file_(file), end_(end), chunk_(chunk), position_(position) {
  CHECK(position <= end);
  CHECK(chunk >= records::kBatchHeaderBytes);
}

Task<Result<std::optional<records::BatchHeader>>> BatchScan::next_header() {
  if (position_ == end_) co_return std::nullopt;
  CO_TRY(const ByteView bytes, co_await bytes_at(position_, records::kBatchHeaderBytes));
  const Result<records::BatchHeader> header = records::BatchHeader::parse(bytes);
  if (!header) co_return std::unexpected(as_corruption(header.error()));
  if (header->total_size() > end_ - position_) {
    co_return fail(Errc::corrupt_data, "a batch reaches beyond the end of the segment");
  }
  last_position_ = position_;
  position_ += header->total_size();
  co_return *header;
}

Task<Result<std::optional<records::BatchView>>> BatchScan::next_batch() {
  CO_TRY(const auto header, co_await next_header());
  if (!header) co_return std::nullopt;
  Result<records::BatchView> batch = co_await whole_batch();
  if (!batch) {
    position_ = last_position_;
    co_return std::unexpected(std::move(batch).error());
  }
  co_return *batch;
}

Task<Result<records::BatchView>> BatchScan::whole_batch() {
  const size_t size = position_ - last_position_;
  CO_TRY(const ByteView bytes, co_await bytes_at(last_position_, size));
  const Result<records::BatchView> batch = records::BatchView::parse(bytes);
  if (!batch) co_return std::unexpected(as_corruption(batch.error()));
  const Result<> verified = batch->verify();
  if (!verified) co_return std::unexpected(as_corruption(verified.error()));
  co_return *batch;
}

Task<Result<ByteView>> BatchScan::bytes_at(uint64_t position, size_t wanted) {
  const uint64_t buffered_end = buffer_start_ + buffer_.size();
  if (position < buffer_start_ || position + wanted > buffered_end) {
    if (wanted > end_ - position) {
      co_return fail(Errc::corrupt_data, "the segment ends inside a batch");
    }
    const size_t size = std::min<uint64_t>(std::max(wanted, chunk_), end_ - position);
    if (buffer_.capacity() < size) buffer_ = Buffer(size);
    buffer_.resize(size);
    buffer_start_ = position;
    const Result<size_t> count = co_await read(executor_, file_, position, buffer_.span());
    if (!count) {
      buffer_.resize(0);
      co_return std::unexpected(count.error());
    }
    buffer_.resize(*count);
    if (*count < wanted) co_return fail(Errc::corrupt_data, "the file is shorter than its segment");
  }
  co_return buffer_.view().subspan(position - buffer_start_, wanted);
}

}  // namespace partita::storage
