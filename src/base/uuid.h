#pragma once
// Kafka's 16-byte ids (topics, directories, clusters) and their text form: base64 with - and _,
// without padding.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace partita {

class Uuid {
 public:
  constexpr Uuid() = default;
  constexpr explicit Uuid(std::array<uint8_t, 16> bytes) : bytes_(bytes) {}
  /// A version 4 id of 128 random bits.
  static Uuid from_random(uint64_t high, uint64_t low);
  static std::optional<Uuid> parse(std::string_view text);

  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  bool is_zero() const { return *this == Uuid(); }
  /// 22 characters.
  std::string to_string() const;
  auto operator<=>(const Uuid&) const = default;

 private:
  std::array<uint8_t, 16> bytes_ = {};
};

using TopicId = Uuid;
using DirectoryId = Uuid;

/// The topic id that KRaft gives to __cluster_metadata.
inline constexpr Uuid kMetadataTopicId{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

}  // namespace partita
