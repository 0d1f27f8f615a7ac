#pragma once
// Cuts Kafka's frames (int32 size, then that many bytes) out of a stream of received bytes. One per
// connection, with a scratch buffer that all connections of a shard share. Pure: it is told of
// bytes and does no I/O.
//
// Invariants:
//  1. Between frames it holds no memory. Scratch memory is borrowed from prepare() to received()
//     only.
//  2. A frame that has begun holds at most max(kFirstBytes, 2 x what has arrived of it, the size of
//     frames that this connection lately completed, up to kTrustedBytesMax): never what a peer
//     merely announces.
//  3. Frames come out in order. An illegal size is an error after the frames before it, and for
//     good.
//  4. Frames that arrived together share memory, of which at least a quarter was received bytes.
//
//     ByteSpan into = frames.prepare();
//     frames.received(read into it);
//     while (auto frame = frames.next()) ...

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/error.h"

namespace partita::rpc {

/// One per shard; FrameReaders borrow it.
struct ReceiveScratch {
  Buffer memory;
};

class FrameReader {
 public:
  static constexpr size_t kSizeBytes = 4;
  static constexpr size_t kScratchBytes = 128 << 10;
  static constexpr size_t kFirstBytes = 64 << 10;
  static constexpr size_t kTrustedBytesMax = 2 << 20;

  FrameReader(ReceiveScratch& scratch, size_t frame_bytes_max)
      : scratch_(scratch), frame_bytes_max_(frame_bytes_max) {}

  /// Where to receive next, never empty. REQUIRED: next() has answered would_block; received()
  /// follows before anything else uses the scratch.
  ByteSpan prepare();
  /// `count` bytes have arrived there; may be 0.
  void received(size_t count);
  /// The next complete frame without its size. would_block: more bytes are needed; malformed: an
  /// illegal size, in words.
  Result<Bytes> next();

  /// Whether next() has a complete frame.
  bool has_frame() const { return !ready_.empty(); }
  /// Whether a frame has begun and is not complete.
  bool mid_frame() const { return partial_.size() > 0; }
  /// What has arrived of it, its size included.
  size_t partial_bytes() const { return partial_.size(); }
  /// Whether as much of it has arrived as a request header takes at least.
  bool has_header() const;
  /// Memory that it holds.
  size_t held_bytes() const { return partial_.capacity() + ready_.pinned_bytes(); }

 private:
  size_t whole_frames(ByteView bytes);
  void keep_partial(ByteView rest);
  size_t capacity_for(ByteView arrived) const;

  ReceiveScratch& scratch_;
  const size_t frame_bytes_max_;
  Bytes ready_;  // complete frames, from ready_at_ on
  size_t ready_at_ = 0;
  Buffer partial_;  // begins with a frame's size; never a whole frame between calls
  bool in_scratch_ = false;
  size_t expected_bytes_ = 0;  // of the next frame, going by the last ones
  uint32_t illegal_size_ = 0;
  bool is_illegal_ = false;
};

/// Why `size` is no legal frame size, naming TLS and HTTP where their first bytes are read as one.
std::string describe_illegal_size(uint32_t size, size_t frame_bytes_max);

}  // namespace partita::rpc
