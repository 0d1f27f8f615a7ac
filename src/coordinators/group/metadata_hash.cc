#include "coordinators/group/metadata_hash.h"

#include <algorithm>
#include <array>
#include <bit>

namespace partita::coordinators {
namespace {

// XXH3's constants and steps, by the names of its specification.
constexpr std::array<uint8_t, 192> kSecret = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e};
constexpr uint64_t kPrime32_1 = 0x9E3779B1;
constexpr uint64_t kPrime32_2 = 0x85EBCA77;
constexpr uint64_t kPrime32_3 = 0xC2B2AE3D;
constexpr uint64_t kPrime64_1 = 0x9E3779B185EBCA87;
constexpr uint64_t kPrime64_2 = 0xC2B2AE3D27D4EB4F;
constexpr uint64_t kPrime64_3 = 0x165667B19E3779F9;
constexpr uint64_t kPrime64_4 = 0x85EBCA77C2B2AE63;
constexpr uint64_t kPrime64_5 = 0x27D4EB2F165667C5;
constexpr uint64_t kPrimeMx1 = 0x165667919E3779F9;
constexpr uint64_t kPrimeMx2 = 0x9FB21C651E98DF25;
constexpr size_t kStripe = 64;
constexpr size_t kStripesPerBlock = (kSecret.size() - kStripe) / 8;

uint64_t read64(const uint8_t* from) {
  return __builtin_bswap64(load_be<uint64_t>(from));
}
uint32_t read32(const uint8_t* from) {
  return __builtin_bswap32(load_be<uint32_t>(from));
}
uint64_t secret64(size_t at) {
  return read64(kSecret.data() + at);
}

uint64_t fold(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t avalanche64(uint64_t hash) {
  hash = (hash ^ (hash >> 33)) * kPrime64_2;
  hash = (hash ^ (hash >> 29)) * kPrime64_3;
  return hash ^ (hash >> 32);
}

uint64_t avalanche3(uint64_t hash) {
  hash = (hash ^ (hash >> 37)) * kPrimeMx1;
  return hash ^ (hash >> 32);
}

uint64_t mix16(const uint8_t* in, size_t secret) {
  return fold(read64(in) ^ secret64(secret), read64(in + 8) ^ secret64(secret + 8));
}

uint64_t hash_to_16(const uint8_t* in, size_t size) {
  if (size > 8) {
    const uint64_t low = read64(in) ^ secret64(24) ^ secret64(32);
    const uint64_t high = read64(in + size - 8) ^ secret64(40) ^ secret64(48);
    return avalanche3(size + __builtin_bswap64(low) + high + fold(low, high));
  }
  if (size >= 4) {
    uint64_t hash =
        (read32(in + size - 4) + (uint64_t{read32(in)} << 32)) ^ secret64(8) ^ secret64(16);
    hash ^= std::rotl(hash, 49) ^ std::rotl(hash, 24);
    hash *= kPrimeMx2;
    hash ^= (hash >> 35) + size;
    hash *= kPrimeMx2;
    return hash ^ (hash >> 28);
  }
  if (size > 0) {
    const uint32_t combined = (uint32_t{in[0]} << 16) | (uint32_t{in[size / 2]} << 24) |
                              in[size - 1] | static_cast<uint32_t>(size << 8);
    return avalanche64(combined ^ uint64_t{read32(kSecret.data()) ^ read32(kSecret.data() + 4)});
  }
  return avalanche64(secret64(56) ^ secret64(64));
}

uint64_t hash_to_128(const uint8_t* in, size_t size) {
  uint64_t hash = size * kPrime64_1;
  // From both ends towards the middle.
  const size_t pairs = (size - 1) / 32 + 1;
  for (size_t i = pairs; i-- > 0;) {
    hash += mix16(in + 16 * i, 32 * i);
    hash += mix16(in + size - 16 * (i + 1), 32 * i + 16);
  }
  return avalanche3(hash);
}

uint64_t hash_to_240(const uint8_t* in, size_t size) {
  uint64_t hash = size * kPrime64_1;
  for (size_t i = 0; i < 8; ++i) hash += mix16(in + 16 * i, 16 * i);
  hash = avalanche3(hash);
  for (size_t i = 8; i < size / 16; ++i) hash += mix16(in + 16 * i, 16 * (i - 8) + 3);
  return avalanche3(hash + mix16(in + size - 16, 136 - 17));
}

using Lanes = std::array<uint64_t, 8>;

void accumulate(Lanes& lanes, const uint8_t* in, size_t secret) {
  for (size_t i = 0; i < lanes.size(); ++i) {
    const uint64_t value = read64(in + 8 * i);
    const uint64_t keyed = value ^ secret64(secret + 8 * i);
    lanes[i ^ 1] += value;
    lanes[i] += (keyed & 0xFFFFFFFF) * (keyed >> 32);
  }
}

void scramble(Lanes& lanes) {
  for (size_t i = 0; i < lanes.size(); ++i) {
    lanes[i] ^= lanes[i] >> 47;
    lanes[i] ^= secret64(kSecret.size() - kStripe + 8 * i);
    lanes[i] *= kPrime32_1;
  }
}

uint64_t hash_long(const uint8_t* in, size_t size) {
  Lanes lanes = {kPrime32_3, kPrime64_1, kPrime64_2, kPrime64_3,
                 kPrime64_4, kPrime32_2, kPrime64_5, kPrime32_1};
  const size_t stripes = (size - 1) / kStripe;
  for (size_t i = 0; i < stripes; ++i) {
    accumulate(lanes, in + i * kStripe, 8 * (i % kStripesPerBlock));
    if ((i + 1) % kStripesPerBlock == 0) scramble(lanes);
  }
  accumulate(lanes, in + size - kStripe, kSecret.size() - kStripe - 7);
  uint64_t hash = size * kPrime64_1;
  for (size_t i = 0; i < 4; ++i) {
    hash += fold(lanes[2 * i] ^ secret64(11 + 16 * i), lanes[2 * i + 1] ^ secret64(19 + 16 * i));
  }
  return avalanche3(hash);
}

/// What Kafka feeds its hash with: little-endian numbers, strings as UTF-16 units and their count.
class HashInput {
 public:
  template <class T>
  void number(T value) {
    for (size_t i = 0; i < sizeof(T); ++i) {
      bytes_.push_back(static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * i)));
    }
  }
  /// Topic names are ASCII; a rack's other characters count byte by byte.
  void text(std::string_view text) {
    for (const char c : text) number(static_cast<uint16_t>(static_cast<uint8_t>(c)));
    number(static_cast<int32_t>(text.size()));
  }
  int64_t hash() const { return static_cast<int64_t>(xxh3(bytes_)); }

 private:
  std::vector<uint8_t> bytes_;
};

void add_racks(HashInput& input, const metadata::PartitionImage& partition,
               const metadata::Image& image) {
  std::vector<std::string> racks;
  for (const NodeId replica : partition.replicas.view()) {
    const metadata::BrokerImage* broker = image.broker(replica);
    if (broker != nullptr && broker->rack) racks.push_back(*broker->rack);
  }
  std::ranges::sort(racks);
  for (const std::string& rack : racks) {
    input.number(static_cast<int32_t>(rack.size()));
    input.text(rack);
  }
}

int64_t topic_hash(const std::string& name, const metadata::Image& image) {
  constexpr uint8_t kHashVersion = 0;
  const auto topic = image.topic(name);
  if (!topic) return 0;
  HashInput input;
  input.number(kHashVersion);
  input.number(load_be<uint64_t>(topic->id.bytes().data()));
  input.number(load_be<uint64_t>(topic->id.bytes().data() + 8));
  input.text(topic->name);
  input.number(static_cast<int32_t>(topic->partitions.size()));
  for (size_t index = 0; index < topic->partitions.size(); ++index) {
    input.number(static_cast<int32_t>(index));
    add_racks(input, topic->partitions[index], image);
  }
  return input.hash();
}

}  // namespace

uint64_t xxh3(ByteView bytes) {
  if (bytes.size() <= 16) return hash_to_16(bytes.data(), bytes.size());
  if (bytes.size() <= 128) return hash_to_128(bytes.data(), bytes.size());
  if (bytes.size() <= 240) return hash_to_240(bytes.data(), bytes.size());
  return hash_long(bytes.data(), bytes.size());
}

int64_t metadata_hash(const std::set<std::string>& topics, const metadata::Image& image) {
  if (topics.empty()) return 0;
  HashInput input;
  for (const std::string& name : topics) input.number(topic_hash(name, image));
  return input.hash();
}

}  // namespace partita::coordinators
