#include "storage/producer_snapshot.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "storage/testdata_test.h"

namespace partita::storage {
namespace {

using Entries = std::vector<ProducerSnapshotEntry>;

Bytes changed(ByteView bytes, size_t at, uint8_t mask) {
  std::vector<uint8_t> copy(bytes.begin(), bytes.end());
  copy.at(at) ^= mask;
  return Bytes::copy_of(ByteView(copy));
}

/// With a checksum that fits.
Bytes resealed(ByteView bytes) {
  std::vector<uint8_t> copy(bytes.begin(), bytes.end());
  store_be(copy.data() + 2, crc32c(ByteView(copy).subspan(6)));
  return Bytes::copy_of(ByteView(copy));
}

Entries three() {
  return {{.producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0)},
          {.producer_id = ProducerId(1),
           .producer_epoch = ProducerEpoch(32767),
           .last_sequence = 2147483647,
           .last_offset = Offset(99),
           .offset_delta = 9,
           .timestamp = WallTime(1700000000000),
           .coordinator_epoch = 5,
           .current_txn_first_offset = Offset(90)},
          {.producer_id = ProducerId(3)}};
}

TEST(ProducerSnapshot, RoundTrips) {
  for (const Entries& entries : {Entries{}, three()}) {
    EXPECT_EQ(decode_producer_snapshot(encode_producer_snapshot(entries).view()), entries);
  }
}

TEST(ProducerSnapshot, KafkasFilesAreReadAndWrittenAlike) {
  for (const auto& [name, count] : {std::pair("idempotent-0.00000000000000000300.snapshot", 1u),
                                    {"txn-0.00000000000000000010.snapshot", 1u},
                                    {"txn-0.00000000000000000054.snapshot", 3u},
                                    {"codecs-0.00000000000000001000.snapshot", 0u}}) {
    const Bytes kafka = kafka_file("storage/testdata/" + std::string(name));
    const auto entries = decode_producer_snapshot(kafka.view());
    ASSERT_TRUE(entries) << name;
    EXPECT_EQ(entries->size(), count);
    EXPECT_TRUE(equal(encode_producer_snapshot(*entries).view(), kafka.view())) << name;
  }
  const auto entries = decode_producer_snapshot(
      kafka_file("storage/testdata/idempotent-0.00000000000000000300.snapshot").view());
  EXPECT_EQ(*entries, (Entries{{.producer_id = ProducerId(0),
                                .producer_epoch = ProducerEpoch(0),
                                .last_sequence = 299,
                                .last_offset = Offset(299),
                                .offset_delta = 299,
                                .timestamp = WallTime(1700000002990)}}));
}

TEST(ProducerSnapshot, EveryBitAndEveryLengthCounts) {
  const Bytes good = encode_producer_snapshot(three());
  for (size_t at = 0; at < good.size(); at++) {
    for (int bit = 0; bit < 8; bit++) {
      const auto decoded =
          decode_producer_snapshot(changed(good.view(), at, static_cast<uint8_t>(1 << bit)).view());
      ASSERT_FALSE(decoded) << at;
      ASSERT_EQ(decoded.error().code, Errc::corrupt_data);
    }
  }
  for (size_t size = 0; size < good.size(); size++) {
    EXPECT_FALSE(decode_producer_snapshot(good.view().first(size))) << size;
  }
}

TEST(ProducerSnapshot, ACountThatTheSizeContradictsIsRefused) {
  const Bytes good = encode_producer_snapshot(three());
  EXPECT_TRUE(decode_producer_snapshot(resealed(good.view()).view()));
  for (const size_t at : {6u, 7u, 9u}) {
    EXPECT_FALSE(decode_producer_snapshot(resealed(changed(good.view(), at, 0x80).view()).view()));
  }
  EXPECT_FALSE(decode_producer_snapshot(resealed(good.view().first(good.size() - 1)).view()));
}

TEST(ProducerSnapshot, NamesAreKafkas) {
  EXPECT_EQ(producer_snapshot_name(Offset(42)), "00000000000000000042.snapshot");
  EXPECT_EQ(producer_snapshot_name(Offset(INT64_MAX)), "09223372036854775807.snapshot");
  EXPECT_EQ(parse_producer_snapshot_name("00000000000000000042.snapshot"), Offset(42));
  EXPECT_EQ(parse_producer_snapshot_name("09223372036854775807.snapshot"), Offset(INT64_MAX));
  for (const char* name :
       {"42.snapshot", "00000000000000000042.snapshot.tmp", "00000000000000000042.log",
        "-0000000000000000042.snapshot", "0000000000000000004x.snapshot",
        "99999999999999999999.snapshot", "00000000000000000000-0000000000.checkpoint", ""}) {
    EXPECT_EQ(parse_producer_snapshot_name(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace partita::storage
