#include "rpc/output_queue.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace partita::rpc {

namespace {

constexpr size_t kPartsPerCall = 64;

}  // namespace

void OutputQueue::push(ByteChain chain) {
  for (Bytes& part : chain) {
    if (part.empty()) continue;
    bytes_ += part.size();
    parts_.push_back(std::move(part));
  }
}

Result<> OutputQueue::write_to(Stream& stream, uint64_t& written) {
  while (!empty()) {
    TRY(const size_t count, write_once(stream));
    written += count;
    drop_front(count);
  }
  return {};
}

Result<size_t> OutputQueue::write_once(Stream& stream) {
  std::array<ByteView, kPartsPerCall> views;
  const size_t count = std::min(parts_.size(), kPartsPerCall);
  for (size_t i = 0; i < count; i++) views[i] = parts_[i].view();
  views[0] = views[0].subspan(front_at_);
  return stream.write_some(std::span(views).first(count), count < parts_.size());
}

void OutputQueue::drop_front(size_t count) {
  CHECK(count <= bytes_);
  bytes_ -= count;
  front_at_ += count;
  while (!parts_.empty() && front_at_ >= parts_.front().size()) {
    front_at_ -= parts_.front().size();
    parts_.pop_front();
  }
}

}  // namespace partita::rpc
