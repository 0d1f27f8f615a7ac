#include "records/control.h"

#include <fmt/format.h>

namespace partita::records {

namespace {

/// Both the keys and the end marker open with a version of 16 bits; a higher one only appends
/// fields.
Result<void> check_versioned(ByteView bytes, size_t least, std::string_view what) {
  if (bytes.size() < least)
    return fail(Errc::corrupt_data, fmt::format("{} of {} bytes", what, bytes.size()));
  const auto version = load_be<int16_t>(bytes.data());
  if (version < 0) return fail(Errc::corrupt_data, fmt::format("{} of version {}", what, version));
  return {};
}

}  // namespace

std::array<uint8_t, 4> encode_control_key(ControlType type) {
  std::array<uint8_t, 4> key = {};
  store_be<int16_t>(key.data() + 2, static_cast<int16_t>(type));
  return key;
}

Result<ControlType> decode_control_key(ByteView key) {
  CHECKED(check_versioned(key, 4, "control record key"));
  return static_cast<ControlType>(load_be<int16_t>(key.data() + 2));
}

std::array<uint8_t, 6> encode_end_txn_marker(int32_t coordinator_epoch) {
  std::array<uint8_t, 6> value = {};
  store_be<int32_t>(value.data() + 2, coordinator_epoch);
  return value;
}

Result<int32_t> decode_end_txn_marker(ByteView value) {
  CHECKED(check_versioned(value, 6, "end of transaction marker"));
  return load_be<int32_t>(value.data() + 2);
}

}  // namespace partita::records
