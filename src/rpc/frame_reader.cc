#include "rpc/frame_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/fault_points.h"

namespace partita::rpc {

namespace {

// From here on a connection is expected to send more of the like, and receives into memory of its
// own: no copy.
constexpr size_t kLargeFrameBytes = 32 << 10;
// The least that a request header takes: key, version, correlation id and a null client id.
constexpr size_t kHeaderBytesMin = 10;

uint32_t size_at(ByteView bytes, size_t at) {
  return load_be<uint32_t>(bytes.data() + at);
}

}  // namespace

ByteSpan FrameReader::prepare() {
  CHECK(ready_.empty());
  if (mid_frame()) {
    if (partial_.spare().empty()) partial_.reserve(capacity_for(partial_.view()));
    return partial_.spare();
  }
  in_scratch_ = expected_bytes_ < kLargeFrameBytes;
  if (!in_scratch_) {
    partial_ = Buffer(std::max(expected_bytes_, kFirstBytes));
    return partial_.spare();
  }
  if (scratch_.memory.capacity() == 0) scratch_.memory = Buffer(kScratchBytes);
  return scratch_.memory.spare();
}

void FrameReader::received(size_t count) {
  Buffer& target = in_scratch_ ? scratch_.memory : partial_;
  target.grow_by(count);
  const size_t whole = whole_frames(target.view());
  if (whole > 0 && whole * 4 < target.capacity()) {
    ready_ = Bytes::copy_of(target.view().first(whole));
    keep_partial(target.view().subspan(whole));
  } else if (whole > 0) {
    Buffer full = std::move(target);
    const Bytes all = std::move(full).freeze();
    ready_ = all.slice(0, whole);
    keep_partial(all.view().subspan(whole));
  } else if (in_scratch_ || is_illegal_ || target.size() == 0) {
    keep_partial(target.view());
  }
  ready_at_ = 0;
  if (in_scratch_) scratch_.memory.resize(0);
  in_scratch_ = false;
}

Result<Bytes> FrameReader::next() {
  if (!ready_.empty()) {
    const size_t size = size_at(ready_.view(), ready_at_);
    Bytes frame = ready_.slice(ready_at_ + kSizeBytes, size);
    ready_at_ += kSizeBytes + size;
    if (ready_at_ == ready_.size()) ready_ = Bytes();
    return frame;
  }
  if (is_illegal_)
    return fail(Errc::malformed, describe_illegal_size(illegal_size_, frame_bytes_max_));
  return fail(Errc::would_block);
}

bool FrameReader::has_header() const {
  if (partial_.size() < kSizeBytes) return false;
  const size_t size = size_at(partial_.view(), 0);
  return partial_.size() >= kSizeBytes + std::min(size, kHeaderBytesMin);
}

/// How many bytes at the front are complete frames; notes an illegal size behind them.
size_t FrameReader::whole_frames(ByteView bytes) {
  size_t at = 0;
  while (!is_illegal_ && bytes.size() - at >= kSizeBytes) {
    const uint32_t size = size_at(bytes, at);
    if (size == 0 || size > frame_bytes_max_) {
      COVERED("rpc.illegal_frame_size");
      is_illegal_ = true;
      illegal_size_ = size;
      break;
    }
    if (bytes.size() - at - kSizeBytes < size) break;
    at += kSizeBytes + size;
    const size_t fading = expected_bytes_ - expected_bytes_ / 16;
    expected_bytes_ = std::min(std::max(kSizeBytes + size, fading), kTrustedBytesMax);
  }
  return at;
}

void FrameReader::keep_partial(ByteView rest) {
  if (rest.empty() || is_illegal_) {
    partial_ = Buffer();
    return;
  }
  Buffer kept(capacity_for(rest));
  kept.append(rest);
  partial_ = std::move(kept);
}

size_t FrameReader::capacity_for(ByteView arrived) const {
  if (arrived.size() < kSizeBytes) return kFirstBytes;
  const size_t whole = kSizeBytes + size_at(arrived, 0);
  // Short of this much, the frames behind it are received along with it.
  if (whole <= kFirstBytes) return kFirstBytes;
  if (mutant("rpc.trust_announced_size")) return whole;
  return std::min(whole, std::max({kFirstBytes, 2 * arrived.size(), expected_bytes_}));
}

std::string describe_illegal_size(uint32_t size, size_t frame_bytes_max) {
  constexpr std::array<std::string_view, 9> kHttp = {"GET ", "POST", "PUT ", "HEAD", "HTTP",
                                                     "DELE", "OPTI", "PATC", "PRI "};
  std::array<uint8_t, 4> bytes;
  store_be(bytes.data(), size);
  if (std::ranges::find(kHttp, as_text(bytes)) != kHttp.end()) {
    return "these are HTTP bytes, but this port speaks Kafka's protocol";
  }
  if (bytes[0] == 0x16 && bytes[1] == 0x03) {
    return "this is a TLS ClientHello, but this port speaks Kafka's protocol in plaintext";
  }
  return fmt::format("a frame of {} bytes is announced, 1 to {} are allowed",
                     static_cast<int32_t>(size), frame_bytes_max);
}

}  // namespace partita::rpc
