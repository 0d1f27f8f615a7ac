#include "sim/raw_connection.h"

#include <array>

#include "base/check.h"

namespace partita::sim {
namespace {

constexpr size_t kFrameBytesMax = 16 << 20;

}  // namespace

Task<Result<std::unique_ptr<RawConnection>>> RawConnection::connect(Shard& shard, Endpoint to) {
  Completion<Result<std::unique_ptr<Stream>>> done(shard.executor());
  shard.net().start_connect(to, done);
  CO_TRY(std::unique_ptr<Stream> stream, co_await done);
  co_return std::make_unique<RawConnection>(shard, std::move(stream));
}

RawConnection::RawConnection(Shard& shard, std::unique_ptr<Stream> stream)
    : shard_(shard), stream_(std::move(stream)), scope_(shard) {
  scope_.spawn(end_in_time());
}

RawConnection::~RawConnection() {
  CHECK(scope_.task_count() == 0);
}

Task<void> RawConnection::end_in_time() {
  (void)co_await sleep_for(scope_, kLifeMax);
  stream_->close();
}

Task<void> RawConnection::close() {
  scope_.close();
  co_await scope_.join();
}

Task<Result<>> RawConnection::write(Bytes bytes) {
  ByteView left = bytes.view();
  while (!left.empty()) {
    const Result<size_t> count = stream_->write_some(std::span(&left, 1));
    if (count) {
      left = left.subspan(*count);
      continue;
    }
    if (count.error().code != Errc::would_block) co_return std::unexpected(count.error());
    Completion<Result<>> done(shard_.executor());
    stream_->when_writable(done);
    CO_CHECKED(co_await done);
  }
  co_return Result<>();
}

Task<Result<>> RawConnection::fill(size_t size) {
  std::array<uint8_t, 4096> buffer;
  while (received_.size() < size && !ended_) {
    const Result<size_t> count = stream_->read_some(buffer);
    if (count) {
      ended_ = *count == 0;
      received_.insert(received_.end(), buffer.begin(),
                       buffer.begin() + static_cast<ptrdiff_t>(*count));
      continue;
    }
    if (count.error().code == Errc::connection_reset) {
      ended_ = true;
      continue;
    }
    if (count.error().code != Errc::would_block) co_return std::unexpected(count.error());
    Completion<Result<>> done(shard_.executor());
    stream_->when_readable(done);
    CO_CHECKED(co_await done);
  }
  co_return Result<>();
}

Task<Result<std::optional<Bytes>>> RawConnection::read_frame() {
  CO_CHECKED(co_await fill(4));
  if (received_.size() < 4) co_return std::nullopt;
  const auto size = load_be<int32_t>(received_.data());
  if (size < 0 || static_cast<size_t>(size) > kFrameBytesMax) {
    co_return fail(Errc::malformed, "an answer of an impossible length");
  }
  const size_t whole = 4 + static_cast<size_t>(size);
  CO_CHECKED(co_await fill(whole));
  if (received_.size() < whole) co_return std::nullopt;
  const Bytes frame = Bytes::copy_of(ByteView(received_).subspan(4, static_cast<size_t>(size)));
  received_.erase(received_.begin(), received_.begin() + static_cast<ptrdiff_t>(whole));
  co_return frame;
}

Task<Result<Bytes>> RawConnection::answer(wire::ApiKey key, int16_t version, int32_t id) {
  CO_TRY(const std::optional<Bytes> frame, co_await read_frame());
  if (!frame) co_return fail(Errc::connection_reset, "closed instead of an answer");
  CO_TRY(const wire::ResponseFrame response, wire::parse_response(frame->view(), key, version));
  if (response.correlation_id != id) {
    co_return fail(Errc::malformed, "an answer out of its turn");
  }
  co_return frame->slice_of(response.body);
}

Bytes RawConnection::joined(const ByteChain& chain) {
  Buffer all(chain_size(chain));
  for (const Bytes& part : chain) all.append(part.view());
  return std::move(all).freeze();
}

}  // namespace partita::sim
