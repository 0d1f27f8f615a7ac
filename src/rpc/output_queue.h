#pragma once
// Bytes on their way out of one stream, in order; gathered so that what is there goes out in as few
// calls as possible. Its owner bounds it.

#include <deque>

#include "base/bytes.h"
#include "base/error.h"
#include "runtime/net.h"

namespace partita::rpc {

class OutputQueue {
 public:
  void push(ByteChain chain);
  bool empty() const { return parts_.empty(); }
  /// Not yet taken by the stream.
  size_t bytes() const { return bytes_; }
  /// The same with what keeping each part costs.
  size_t held_bytes() const { return bytes_ + parts_.size() * kPartOverhead; }
  /// Writes until there is nothing left or the stream answers an error (would_block where it takes
  /// no more now); `written` grows by what it took.
  Result<> write_to(Stream& stream, uint64_t& written);

 private:
  static constexpr size_t kPartOverhead = 320;

  Result<size_t> write_once(Stream& stream);
  void drop_front(size_t count);

  std::deque<Bytes> parts_;
  size_t front_at_ = 0;  // of the first part, what is written already
  size_t bytes_ = 0;
};

}  // namespace partita::rpc
