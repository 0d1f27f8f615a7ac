#pragma once
// Byte memory. ByteView and ByteSpan borrow; Buffer owns and may change; Bytes is a slice of shared
// memory that never changes again and may cross shards (atomic count).
//
// Invariants:
//  1. What a Bytes shows is immutable from freeze() to the last owner's end.
//  2. Bytes::pinned_bytes() is the whole allocation that a slice keeps alive: caches count that,
//     not the slice.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace partita {

using ByteView = std::span<const uint8_t>;
using ByteSpan = std::span<uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
bool equal(ByteView a, ByteView b);

namespace detail {
struct Block;  // header of one allocation; the data follows it
void release(Block* block);
}  // namespace detail

class Bytes;

/// Uniquely owned memory of fixed capacity, not initialised. Movable. Not thread-safe.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t capacity);
  ~Buffer();
  Buffer(Buffer&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept;

  uint8_t* data();
  const uint8_t* data() const;
  size_t size() const { return size_; }
  size_t capacity() const;
  ByteSpan span() { return {data(), size_}; }
  ByteView view() const { return {data(), size_}; }
  /// The part behind size(), for reading into; then grow_by().
  ByteSpan spare() { return {data() + size_, capacity() - size_}; }
  void grow_by(size_t count);
  void resize(size_t size);
  /// Copies to the end, moving to a larger allocation where needed (doubling).
  void append(ByteView bytes);
  /// Keeps the contents; afterwards capacity() >= capacity.
  void reserve(size_t capacity);
  /// Gives the memory away as immutable; this is empty after.
  Bytes freeze() &&;

 private:
  detail::Block* block_ = nullptr;
  size_t size_ = 0;
};

/// An immutable slice of shared memory. Copying costs one atomic increment. Thread-safe as
/// shared_ptr<const> is.
class Bytes {
 public:
  Bytes() = default;
  static Bytes copy_of(ByteView bytes);
  static Bytes copy_of(std::string_view text) { return copy_of(as_bytes(text)); }
  Bytes(const Bytes& other);
  Bytes(Bytes&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), view_(std::exchange(other.view_, {})) {}
  Bytes& operator=(Bytes other) noexcept {
    std::swap(block_, other.block_);
    std::swap(view_, other.view_);
    return *this;
  }
  ~Bytes() { detail::release(block_); }

  ByteView view() const { return view_; }
  const uint8_t* data() const { return view_.data(); }
  size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  /// REQUIRED: offset + count <= size().
  Bytes slice(size_t offset, size_t count) const;
  /// The owning form of a view into this memory. REQUIRED: `part` lies within view().
  Bytes slice_of(ByteView part) const;
  /// Bytes of memory that this slice keeps alive.
  size_t pinned_bytes() const;
  friend bool operator==(const Bytes& a, const Bytes& b) { return equal(a.view_, b.view_); }

 private:
  friend class Buffer;
  Bytes(detail::Block* block, ByteView view) : block_(block), view_(view) {}

  detail::Block* block_ = nullptr;
  ByteView view_;
};

/// A sequence of slices that are sent one after the other.
using ByteChain = std::vector<Bytes>;
size_t chain_size(const ByteChain& chain);

// Big-endian integers, as everywhere in Kafka's formats. REQUIRED: the memory is long enough.
template <class T>
inline T load_be(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  if constexpr (sizeof(T) == 2)
    return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
  if constexpr (sizeof(T) == 4)
    return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof(T) == 8)
    return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
  return value;
}
template <class T>
inline void store_be(uint8_t* to, T value) {
  if constexpr (sizeof(T) == 2)
    value = static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
  if constexpr (sizeof(T) == 4)
    value = static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof(T) == 8)
    value = static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
  std::memcpy(to, &value, sizeof(T));
}

}  // namespace partita
