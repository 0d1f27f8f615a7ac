#pragma once
// Base64 in the two forms that Kafka's JSON uses.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace partita {

enum class Base64 {
  padded,  ///< + and /, with = (bytes in JSON)
  url,     ///< - and _, without = (uuids)
};

std::string base64_encode(ByteView bytes, Base64 form);
/// Nothing where a character or the length does not fit.
std::optional<std::vector<uint8_t>> base64_decode(std::string_view text, Base64 form);

}  // namespace partita
