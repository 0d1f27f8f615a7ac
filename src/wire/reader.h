#pragma once
// Reads Kafka's primitive types from bytes that it borrows, front to back.
//
// Invariants:
//  1. Nothing is read beyond the end. The first impossible read makes ok() false for good; from
//  then on every
//     read answers zero, emptiness or null, so that callers check once, at the end.
//  2. Nothing is allocated: strings and bytes are views into the frame.
//  3. `flexible` chooses the compact forms (lengths as unsigned varints of length + 1).

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/uuid.h"
#include "base/varint.h"

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
  Uuid uuid() {
    std::array<uint8_t, 16> bytes = {};
    const ByteView from = take(16);
    if (from.size() == 16) std::memcpy(bytes.data(), from.data(), 16);
    return Uuid(bytes);
  }
  uint32_t uvarint() {
    uint32_t value = 0;
    const size_t count = get_uvarint(at_, end_, value);
    if (count == 0) {
      fail();
      return 0;
    }
    at_ += count;
    return value;
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
  int32_t length(bool flexible, bool wide) {
    if (flexible) {
      const uint32_t value = uvarint();
      if (value > 0x7fffffffU) fail();
      return ok_ ? static_cast<int32_t>(value) - 1 : -1;
    }
    const int32_t value = wide ? int32() : int16();
    return ok_ && value >= 0 ? value : -1;
  }
  int32_t array_count(bool flexible) { return length(flexible, true); }

  std::optional<std::string_view> nullable_string(bool flexible) {
    const int32_t count = length(flexible, false);
    if (count < 0) return std::nullopt;
    if (static_cast<size_t>(count) > kStringBytesMax) fail();
    return as_text(take(static_cast<size_t>(count)));
  }
  std::optional<ByteView> nullable_bytes(bool flexible) {
    const int32_t count = length(flexible, true);
    if (count < 0) return std::nullopt;
    return take(static_cast<size_t>(count));
  }
  /// Null is a failure.
  std::string_view string(bool flexible) {
    const auto value = nullable_string(flexible);
    if (!value) fail();
    return value.value_or(std::string_view());
  }
  /// Null is a failure.
  ByteView bytes(bool flexible) {
    const auto value = nullable_bytes(flexible);
    if (!value) fail();
    return value.value_or(ByteView());
  }
  /// The marker before a struct that may be null.
  bool present() { return int8() >= 0; }
  /// Passes over a tagged section whose tags are all unknown here.
  void skip_tags() {
    for (uint32_t count = uvarint(); count > 0 && ok_; count--) {
      uvarint();
      take(uvarint());
    }
  }

 private:
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
