#include "base/base64.h"

namespace partita {
namespace {

constexpr std::string_view kPadded =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

std::string base64_encode(ByteView bytes, Base64 form) {
  const std::string_view alphabet = form == Base64::url ? kUrl : kPadded;
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - at);
    uint32_t word = 0;
    for (size_t i = 0; i < 3; i++) word = (word << 8) | (i < count ? bytes[at + i] : 0);
    for (size_t i = 0; i <= count; i++) text += alphabet[(word >> (18 - 6 * i)) & 63];
    if (form == Base64::padded) text.append(3 - count, '=');
  }
  return text;
}

std::optional<std::vector<uint8_t>> base64_decode(std::string_view text, Base64 form) {
  const std::string_view alphabet = form == Base64::url ? kUrl : kPadded;
  if (form == Base64::padded) {
    if (text.size() % 4 != 0) return std::nullopt;
    for (int i = 0; i < 2 && text.ends_with('='); i++) text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return std::nullopt;
  std::vector<uint8_t> bytes;
  uint32_t word = 0;
  int bits = 0;
  for (char c : text) {
    const size_t digit = alphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    word = (word << 6) | static_cast<uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<uint8_t>(word >> bits));
      word &= (1u << bits) - 1;
    }
  }
  if (word != 0) return std::nullopt;
  return bytes;
}

}  // namespace partita
