#pragma once
// An array inside a frame: its count and where its elements begin. Iterating decodes one element at
// a time and allocates nothing. Elements are the generated XxxView structs, std::string_view,
// ByteView, Uuid or numbers.
//
// Invariants:
//  1. Only made over bytes that read_array() has checked, so iteration cannot fail.
//  2. Borrows the frame; valid as long as that is.
//
// for (const auto& topic : request.topics) for (int32_t partition : topic.partitions) ...

#include <iterator>
#include <vector>

#include "wire/walk.h"

namespace partita::wire {

template <class T>
inline T read_element(Reader& reader, int16_t version, bool flexible) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return reader.string(flexible);
  } else if constexpr (std::is_same_v<T, ByteView>) {
    return reader.bytes(flexible);
  } else if constexpr (std::is_same_v<T, Uuid>) {
    return reader.uuid();
  } else if constexpr (std::is_same_v<T, int8_t>) {
    return reader.int8();
  } else if constexpr (std::is_same_v<T, int16_t>) {
    return reader.int16();
  } else if constexpr (std::is_same_v<T, int32_t>) {
    return reader.int32();
  } else if constexpr (std::is_same_v<T, int64_t>) {
    return reader.int64();
  } else {
    return T::read(reader, version);
  }
}

template <class T>
class ArrayView {
 public:
  class Iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = const T&;
    using iterator_category = std::input_iterator_tag;

    Iterator() = default;
    explicit Iterator(const ArrayView& array)
        : reader_(array.begin_, array.end_),
          left_(array.size_),
          version_(array.version_),
          flexible_(array.flexible_) {
      if (left_ > 0) value_ = read_element<T>(reader_, version_, flexible_);
    }
    const T& operator*() const { return value_; }
    const T* operator->() const { return &value_; }
    Iterator& operator++() {
      if (--left_ > 0) value_ = read_element<T>(reader_, version_, flexible_);
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(std::default_sentinel_t) const { return left_ == 0; }
    bool operator==(const Iterator& other) const { return left_ == other.left_; }

   private:
    Reader reader_;
    uint32_t left_ = 0;
    int16_t version_ = 0;
    bool flexible_ = false;
    T value_ = {};
  };

  using value_type = T;
  using const_iterator = Iterator;

  ArrayView() = default;
  /// `begin`..`end` holds `size` checked elements; `end` may lie behind them.
  ArrayView(const uint8_t* begin, const uint8_t* end, uint32_t size, int16_t version, bool flexible)
      : begin_(begin), end_(end), size_(size), version_(version), flexible_(flexible) {}

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Iterator begin() const { return Iterator(*this); }
  std::default_sentinel_t end() const { return {}; }
  /// Over the elements' bytes, for read_element().
  Reader reader() const { return Reader(begin_, end_); }
  int16_t version() const { return version_; }
  /// REQUIRED: !empty().
  T front() const { return *begin(); }
  /// For numbers, strings and the like; structs have materialise().
  std::vector<T> to_vector() const {
    std::vector<T> all(size_);
    T* to = all.data();
    for (const T& element : *this) *to++ = element;
    return all;
  }

 private:
  const uint8_t* begin_ = nullptr;
  const uint8_t* end_ = nullptr;
  uint32_t size_ = 0;
  int16_t version_ = 0;
  bool flexible_ = false;
};

/// Checks and passes over an array; nothing for null. Failure shows in the reader.
template <class T>
std::optional<ArrayView<T>> read_array(Reader& reader, int16_t version, bool flexible) {
  const int32_t count = reader.array_count(flexible);
  if (count < 0) return std::nullopt;
  const auto size = static_cast<uint32_t>(count);
  const uint8_t* begin = reader.position();
  if constexpr (requires { T::descriptor(); }) {
    if (!elements_fit(reader, size, T::descriptor().min_size(version))) return std::nullopt;
    // Reading is how an element is checked and passed over.
    for (uint32_t i = 0; i < size && reader.ok(); i++) T::read(reader, version);
  } else if constexpr (std::is_same_v<T, std::string_view> || std::is_same_v<T, ByteView>) {
    if (!elements_fit(reader, size, flexible ? 1 : 2)) return std::nullopt;
    for (uint32_t i = 0; i < size && reader.ok(); i++) read_element<T>(reader, version, flexible);
  } else {
    reader.take(size_t{size} * sizeof(T));
  }
  if (!reader.ok()) return std::nullopt;
  return ArrayView<T>(begin, reader.position(), size, version, flexible);
}

/// The same where null is a failure.
template <class T>
ArrayView<T> read_present_array(Reader& reader, int16_t version, bool flexible) {
  const auto array = read_array<T>(reader, version, flexible);
  if (!array) reader.fail();
  return array.value_or(ArrayView<T>());
}

}  // namespace partita::wire
