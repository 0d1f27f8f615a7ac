#include "base/uuid.h"

#include "base/base64.h"
#include "base/bytes.h"

namespace partita {

Uuid Uuid::from_random(uint64_t high, uint64_t low) {
  std::array<uint8_t, 16> bytes;
  store_be(bytes.data(), (high & ~0xf000ull) | 0x4000ull);
  store_be(bytes.data() + 8, (low & ~(3ull << 62)) | (2ull << 62));
  return Uuid(bytes);
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != 22) return std::nullopt;
  const auto decoded = base64_decode(text, Base64::url);
  if (!decoded || decoded->size() != 16) return std::nullopt;
  Uuid id;
  std::copy(decoded->begin(), decoded->end(), id.bytes_.begin());
  return id;
}

std::string Uuid::to_string() const {
  return base64_encode(bytes_, Base64::url);
}

}  // namespace partita
