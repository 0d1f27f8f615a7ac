#include "base/bytes.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "base/check.h"

namespace partita {

namespace detail {

struct Block {
  std::atomic<uint32_t> owners;
  size_t capacity;

  uint8_t* data() { return reinterpret_cast<uint8_t*>(this) + sizeof(Block); }
};

static Block* allocate(size_t capacity) {
  void* memory = std::malloc(sizeof(Block) + capacity);
  CHECK(memory != nullptr);
  return new (memory) Block{.owners = 1, .capacity = capacity};
}

void release(Block* block) {
  if (block == nullptr || block->owners.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  block->~Block();
  std::free(block);
}

}  // namespace detail

bool equal(ByteView a, ByteView b) {
  return std::ranges::equal(a, b);
}

Buffer::Buffer(size_t capacity) : block_(detail::allocate(capacity)) {}

Buffer::~Buffer() {
  detail::release(block_);
}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(block_, other.block_);
  std::swap(size_, other.size_);
  return *this;
}

uint8_t* Buffer::data() {
  return block_ == nullptr ? nullptr : block_->data();
}
const uint8_t* Buffer::data() const {
  return block_ == nullptr ? nullptr : block_->data();
}
size_t Buffer::capacity() const {
  return block_ == nullptr ? 0 : block_->capacity;
}

void Buffer::grow_by(size_t count) {
  CHECK(count <= capacity() - size_);
  size_ += count;
}

void Buffer::resize(size_t size) {
  reserve(size);
  size_ = size;
}

void Buffer::reserve(size_t capacity) {
  if (capacity <= this->capacity()) return;
  detail::Block* larger = detail::allocate(capacity);
  if (size_ > 0) std::memcpy(larger->data(), data(), size_);
  detail::release(block_);
  block_ = larger;
}

void Buffer::append(ByteView bytes) {
  if (bytes.empty()) return;
  if (bytes.size() > capacity() - size_) {
    reserve(std::max(size_ + bytes.size(), std::max<size_t>(64, capacity() * 2)));
  }
  std::memcpy(data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

Bytes Buffer::freeze() && {
  const ByteView contents = view();
  size_ = 0;
  return Bytes(std::exchange(block_, nullptr), contents);
}

Bytes Bytes::copy_of(ByteView bytes) {
  if (bytes.empty()) return {};
  Buffer buffer(bytes.size());
  buffer.append(bytes);
  return std::move(buffer).freeze();
}

Bytes::Bytes(const Bytes& other) : block_(other.block_), view_(other.view_) {
  if (block_ != nullptr) block_->owners.fetch_add(1, std::memory_order_relaxed);
}

Bytes Bytes::slice(size_t offset, size_t count) const {
  CHECK(offset <= size());
  CHECK(count <= size() - offset);
  return slice_of(view_.subspan(offset, count));
}

Bytes Bytes::slice_of(ByteView part) const {
  if (part.empty()) return {};
  CHECK(part.data() >= data());
  CHECK(part.data() + part.size() <= data() + size());
  Bytes copy(*this);
  copy.view_ = part;
  return copy;
}

size_t Bytes::pinned_bytes() const {
  return block_ == nullptr ? 0 : block_->capacity + sizeof(detail::Block);
}

size_t chain_size(const ByteChain& chain) {
  size_t total = 0;
  for (const Bytes& part : chain) total += part.size();
  return total;
}

}  // namespace partita
