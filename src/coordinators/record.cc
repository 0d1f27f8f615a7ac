#include "coordinators/record.h"

namespace partita::coordinators {
namespace {

uint32_t hash_unit(uint32_t hash, uint32_t unit) {
  return 31 * hash + unit;
}

/// One code point of UTF-8 text; a byte that begins none counts as U+FFFD, as Java decodes it.
uint32_t take_code_point(std::string_view& text) {
  constexpr uint32_t kReplacement = 0xFFFD;
  const auto lead = static_cast<uint8_t>(text.front());
  text.remove_prefix(1);
  if (lead < 0x80) return lead;
  const size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC2 ? 1 : 0;
  if (more == 0 || lead > 0xF4 || text.size() < more) return kReplacement;
  uint32_t point = lead & (0x3FU >> more);
  for (size_t i = 0; i < more; i++) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xC0) != 0x80) return kReplacement;
    point = (point << 6) | (byte & 0x3FU);
  }
  text.remove_prefix(more);
  return point;
}

}  // namespace

Bytes join(ByteChain chain) {
  if (chain.size() == 1) return std::move(chain.front());
  Buffer all(chain_size(chain));
  for (const Bytes& part : chain) all.append(part.view());
  return std::move(all).freeze();
}

Result<Numbered> parse_numbered(ByteView bytes) {
  if (bytes.size() < sizeof(int16_t)) return fail(Errc::malformed, "less than two bytes");
  return Numbered{.number = load_be<int16_t>(bytes.data()), .body = bytes.subspan(2)};
}

PartitionIndex partition_for_key(std::string_view id, int32_t partition_count) {
  CHECK(partition_count > 0);
  uint32_t hash = 0;
  while (!id.empty()) {
    const uint32_t point = take_code_point(id);
    if (point < 0x10000) {
      hash = hash_unit(hash, point);
    } else {
      hash = hash_unit(hash, 0xD800 + ((point - 0x10000) >> 10));
      hash = hash_unit(hash, 0xDC00 + ((point - 0x10000) & 0x3FF));
    }
  }
  // Kafka's Utils.abs: the sign bit goes, so that the smallest number becomes 0.
  const auto positive = static_cast<int32_t>(hash);
  const int32_t absolute = positive == INT32_MIN ? 0 : std::abs(positive);
  return PartitionIndex(absolute % partition_count);
}

}  // namespace partita::coordinators
