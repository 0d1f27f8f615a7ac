#include "wire/reader.h"

#include "base/varint.h"

namespace partita::wire {

Uuid Reader::uuid() {
  std::array<uint8_t, 16> bytes = {};
  const ByteView from = take(bytes.size());
  if (from.size() == bytes.size()) std::memcpy(bytes.data(), from.data(), bytes.size());
  return Uuid(bytes);
}

uint32_t Reader::long_uvarint() {
  uint32_t value = 0;
  const size_t count = get_uvarint(at_, end_, value);
  if (count == 0) {
    fail();
    return 0;
  }
  at_ += count;
  return value;
}

int32_t Reader::length(bool flexible, bool wide) {
  if (flexible) {
    const uint32_t value = uvarint();
    if (value > 0x7fffffffU) fail();
    return ok_ ? static_cast<int32_t>(value) - 1 : -1;
  }
  const int32_t value = wide ? int32() : int16();
  return ok_ && value >= 0 ? value : -1;
}

std::optional<std::string_view> Reader::nullable_string(bool flexible) {
  const int32_t count = length(flexible, false);
  if (count < 0) return std::nullopt;
  if (static_cast<size_t>(count) > kStringBytesMax) fail();
  return as_text(take(static_cast<size_t>(count)));
}

std::optional<ByteView> Reader::nullable_bytes(bool flexible) {
  const int32_t count = length(flexible, true);
  if (count < 0) return std::nullopt;
  return take(static_cast<size_t>(count));
}

std::string_view Reader::string(bool flexible) {
  const auto value = nullable_string(flexible);
  if (!value) fail();
  return value.value_or(std::string_view());
}

ByteView Reader::bytes(bool flexible) {
  const auto value = nullable_bytes(flexible);
  if (!value) fail();
  return value.value_or(ByteView());
}

}  // namespace partita::wire
