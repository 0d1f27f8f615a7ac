#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/fault_points.h"
#include "base/log.h"
#include "base/murmur2.h"
#include "base/uuid.h"
#include "base/varint.h"

namespace partita {
namespace {

std::vector<uint8_t> some_bytes(size_t count) {
  std::vector<uint8_t> bytes(count);
  uint32_t state = 1;
  for (uint8_t& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<uint8_t>(state >> 24);
  }
  return bytes;
}

TEST(Crc32c, KnownAnswer) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
}

TEST(Crc32c, InstructionAgreesWithTableAtEveryLength) {
  const auto bytes = some_bytes(8000);
  for (size_t length = 0; length < 800; length++) {
    const ByteView part = ByteView(bytes).subspan(length % 7, length);
    ASSERT_EQ(crc32c(part), crc32c_table(part)) << length;
  }
  for (size_t length = 3000; length < 7900; length += 37) {
    const ByteView part = ByteView(bytes).first(length);
    ASSERT_EQ(crc32c(part), crc32c_table(part)) << length;
    ASSERT_EQ(crc32c(part.subspan(100), crc32c(part.first(100))), crc32c(part)) << length;
  }
}

TEST(Murmur2, AgreesWithTheJavaClient) {
  // From Kafka's own documentation of Utils.murmur2 in UtilsTest.
  EXPECT_EQ(static_cast<int32_t>(murmur2(as_bytes("21"))), -973932308);
  EXPECT_EQ(static_cast<int32_t>(murmur2(as_bytes("foobar"))), -790332482);
  EXPECT_EQ(static_cast<int32_t>(murmur2(as_bytes("a-little-bit-long-string"))), -985981536);
  EXPECT_EQ(static_cast<int32_t>(murmur2(as_bytes("abc"))), 479470107);
}

TEST(Varint, RoundTripsAndRefusesOverlong) {
  for (uint64_t value : {0ull, 1ull, 127ull, 128ull, 300ull, 1ull << 35, ~0ull}) {
    uint8_t memory[kVarint64BytesMax];
    const size_t size = put_uvarint(memory, value);
    EXPECT_EQ(size, uvarint_size(value));
    uint64_t back = 0;
    EXPECT_EQ(get_uvarint(memory, memory + size, back), size);
    EXPECT_EQ(back, value);
    EXPECT_EQ(get_uvarint(memory, memory + size - 1, back), 0u);
  }
  const uint8_t overlong[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
  uint32_t value = 0;
  EXPECT_EQ(get_uvarint(overlong, overlong + 6, value), 0u);
  const uint8_t too_large[] = {0xff, 0xff, 0xff, 0xff, 0x1f};
  EXPECT_EQ(get_uvarint(too_large, too_large + 5, value), 0u);
  EXPECT_EQ(unzigzag(zigzag(int64_t{-77})), -77);
  EXPECT_EQ(unzigzag(zigzag(INT32_MIN)), INT32_MIN);
}

TEST(Bytes, SlicesShareTheirMemory) {
  Buffer buffer(16);
  buffer.append(as_bytes("hello world, this is longer"));
  const Bytes all = std::move(buffer).freeze();
  const Bytes part = all.slice(6, 5);
  EXPECT_EQ(as_text(part.view()), "world");
  EXPECT_EQ(part.data(), all.data() + 6);
  EXPECT_GE(part.pinned_bytes(), all.size());
  EXPECT_EQ(as_text(all.slice_of(part.view().subspan(1, 2)).view()), "or");
}

TEST(Uuid, TextForm) {
  const Uuid id = Uuid::from_random(0x1234567890abcdef, 0xfedcba0987654321);
  EXPECT_EQ(id.to_string().size(), 22u);
  EXPECT_EQ(Uuid::parse(id.to_string()), id);
  EXPECT_EQ(Uuid::parse("not base64!"), std::nullopt);
  EXPECT_EQ(kMetadataTopicId.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
}

TEST(Base64, BothForms) {
  EXPECT_EQ(base64_encode(as_bytes("a"), Base64::padded), "YQ==");
  EXPECT_EQ(base64_encode(as_bytes("ab?>"), Base64::url), "YWI_Pg");
  for (size_t length = 0; length < 40; length++) {
    const auto bytes = some_bytes(length);
    for (Base64 form : {Base64::padded, Base64::url}) {
      EXPECT_EQ(base64_decode(base64_encode(bytes, form), form), bytes);
    }
  }
  EXPECT_EQ(base64_decode("YQ=", Base64::padded), std::nullopt);
}

TEST(Log, QuotesWhatComesFromOutside) {
  EXPECT_EQ(partita::quoted("a\nb'"), "'a\\x0ab\\x27'");
  EXPECT_EQ(partita::quoted(std::string(200, 'x')).size(), 105u);
}

}  // namespace
}  // namespace partita
