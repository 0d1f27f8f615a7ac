#pragma once
// Reads Kafka's primitive types from bytes that it borrows, front to back.
//
// Invariants:
//  1. Nothing is read beyond the end. The first impossible read makes ok() false for good; from
//     then on every read answers zero, emptiness or null, so that callers check once, at the end.
//  2. Nothing is allocated: strings and bytes are views into the frame.
//  3. `flexible` chooses the compact forms (lengths as unsigned varints of length + 1).

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/uuid.h"

namespace partita::wire {

/// Kafka's bound on the bytes of one string, in both forms.
inline constexpr size_t kStringBytesMax = 0x7fff;

class Reader {
 public:
  Reader() = default;
  explicit Reader(ByteView bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  Reader(const uint8_t* begin, const uint8_t* end) : at_(begin), end_(end) {}

  bool ok() const { return ok_; }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  const uint8_t* position() const { return at_; }
  const uint8_t* end() const { return end_; }
  void fail() {
    ok_ = false;
    at_ = end_;
  }

  bool boolean() { return fixed<uint8_t>() != 0; }
  int8_t int8() { return fixed<int8_t>(); }
  int16_t int16() { return fixed<int16_t>(); }
  int32_t int32() { return fixed<int32_t>(); }
  int64_t int64() { return fixed<int64_t>(); }
  uint16_t uint16() { return fixed<uint16_t>(); }
  uint32_t uint32() { return fixed<uint32_t>(); }
  double float64() { return std::bit_cast<double>(fixed<uint64_t>()); }
  Uuid uuid();
  uint32_t uvarint() {
    if (at_ == end_ || *at_ >= 0x80) [[unlikely]]
      return long_uvarint();
    return *at_++;
  }
  ByteView take(size_t count) {
    if (count > remaining()) {
      fail();
      return {};
    }
    const ByteView result(at_, count);
    at_ += count;
    return result;
  }

  /// The number of bytes or elements that follow; -1 is null, which any negative number means.
  /// `wide` chooses int32 over int16 where not flexible.
  int32_t length(bool flexible, bool wide);
  int32_t array_count(bool flexible) { return length(flexible, true); }

  std::optional<std::string_view> nullable_string(bool flexible);
  std::optional<ByteView> nullable_bytes(bool flexible);
  /// Null is a failure.
  std::string_view string(bool flexible);
  /// Null is a failure.
  ByteView bytes(bool flexible);
  /// The marker before a struct that may be null.
  bool present() { return int8() >= 0; }

 private:
  uint32_t long_uvarint();

  template <class T>
  T fixed() {
    if (remaining() < sizeof(T)) {
      fail();
      return {};
    }
    const T value = load_be<T>(at_);
    at_ += sizeof(T);
    return value;
  }

  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  bool ok_ = true;
};

}  // namespace partita::wire
