#include "records/compress.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/fault_points.h"
#include "records/batch.h"

namespace partita::records {
namespace {

constexpr Codec kCodecs[] = {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};
constexpr Codec kCompressing[] = {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};
constexpr size_t kMiB = size_t{1} << 20;

std::vector<uint8_t> mixed_bytes(size_t size) {
  std::minstd_rand random(7);
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; i++)
    bytes[i] = static_cast<uint8_t>(i % 64 < 40 ? 'a' + i % 7 : random());
  return bytes;
}

std::vector<uint8_t> deflated(Codec codec, ByteView bytes, std::optional<int> level = {}) {
  Compressor compressor;
  Buffer out;
  EXPECT_TRUE(compressor.deflate(codec, level, bytes, out).has_value()) << codec_name(codec);
  return {out.view().begin(), out.view().end()};
}

Errc inflate_error(Codec codec, ByteView bytes, size_t bytes_max = kMiB) {
  Decompressor decompressor;
  const Result<Buffer> out = decompressor.inflate(codec, bytes, bytes_max);
  EXPECT_FALSE(out.has_value()) << codec_name(codec);
  return out ? Errc::stopped : out.error().code;
}

TEST(Compress, RoundTripsEverySizeWithKeptContexts) {
  Compressor compressor;
  Decompressor decompressor;
  for (const Codec codec : kCodecs) {
    for (const size_t size : {0, 1, 100, 32767, 32768, 32769, 65536, 65537, 1000000, 5000000}) {
      const std::vector<uint8_t> bytes = mixed_bytes(size);
      Buffer out;
      out.append(as_bytes("front"));
      ASSERT_TRUE(compressor.deflate(codec, {}, bytes, out).has_value());
      EXPECT_EQ(as_text(out.view().first(5)), "front");
      const Result<Buffer> back =
          decompressor.inflate(codec, out.view().subspan(5), std::max<size_t>(size, 1));
      ASSERT_TRUE(back.has_value())
          << codec_name(codec) << " " << size << " " << describe(back.error());
      EXPECT_TRUE(equal(back->view(), bytes)) << codec_name(codec) << " " << size;
    }
  }
}

TEST(Compress, CapIsExact) {
  const std::vector<uint8_t> bytes = mixed_bytes(200000);
  for (const Codec codec : kCodecs) {
    const std::vector<uint8_t> small = deflated(codec, bytes);
    Decompressor decompressor;
    EXPECT_TRUE(decompressor.inflate(codec, small, bytes.size()).has_value()) << codec_name(codec);
    EXPECT_EQ(inflate_error(codec, small, bytes.size() - 1), Errc::limit_exceeded);
    EXPECT_EQ(inflate_error(codec, small, 0), Errc::limit_exceeded);
  }
}

TEST(Compress, BombsStopAtTheCap) {
  const std::vector<uint8_t> zeros(100 * kMiB);
  for (const Codec codec : kCompressing) {
    const std::vector<uint8_t> bomb = deflated(codec, zeros);
    const uint64_t before = faults::times_covered("records.inflated_too_large");
    EXPECT_EQ(inflate_error(codec, bomb, kInflatedBytesMax), Errc::limit_exceeded)
        << codec_name(codec);
    EXPECT_EQ(faults::times_covered("records.inflated_too_large"), before + 1);
  }
}

TEST(Compress, EveryCutAndManyFlipsAreErrorsOrOtherBytesButNeverMore) {
  const std::vector<uint8_t> bytes = mixed_bytes(3000);
  for (const Codec codec : kCompressing) {
    const std::vector<uint8_t> small = deflated(codec, bytes);
    Decompressor decompressor;
    for (size_t size = 0; size < small.size(); size++) {
      const std::vector<uint8_t> cut(small.begin(), small.begin() + static_cast<ptrdiff_t>(size));
      const Result<Buffer> out = decompressor.inflate(codec, cut, 4000);
      // Snappy's framing has no end mark: it may be cut between header and blocks.
      if (out)
        EXPECT_TRUE(codec == Codec::snappy && out->size() < bytes.size())
            << codec_name(codec) << " " << size;
    }
    for (size_t i = 0; i < small.size(); i++) {
      std::vector<uint8_t> flipped = small;
      flipped[i] ^= 0x11;
      const Result<Buffer> out = decompressor.inflate(codec, flipped, 4000);
      if (out) EXPECT_LE(out->size(), 4000u);
    }
    EXPECT_TRUE(decompressor.inflate(codec, small, 4000).has_value()) << "errors leave no trace";
  }
}

TEST(Compress, BytesBehindTheEndAreErrors) {
  for (const Codec codec : {Codec::gzip, Codec::lz4, Codec::zstd, Codec::snappy}) {
    std::vector<uint8_t> bytes = deflated(codec, mixed_bytes(100));
    bytes.push_back(0x77);
    EXPECT_EQ(inflate_error(codec, bytes), Errc::corrupt_data) << codec_name(codec);
  }
}

TEST(Compress, JoinedStreamsAreOne) {
  for (const Codec codec : kCompressing) {
    std::vector<uint8_t> bytes = deflated(codec, as_bytes("one "));
    const std::vector<uint8_t> second = deflated(codec, as_bytes("two"));
    bytes.insert(bytes.end(), second.begin(), second.end());
    Decompressor decompressor;
    const Result<Buffer> out = decompressor.inflate(codec, bytes, 100);
    ASSERT_TRUE(out.has_value()) << codec_name(codec);
    EXPECT_EQ(as_text(out->view()), "one two") << codec_name(codec);
  }
}

// "hello" as one literal of snappy's raw format.
const std::vector<uint8_t> kRawSnappy = {0x05, 0x10, 'h', 'e', 'l', 'l', 'o'};

TEST(Snappy, ReadsBothFramings) {
  Decompressor decompressor;
  EXPECT_EQ(as_text(decompressor.inflate(Codec::snappy, kRawSnappy, 5)->view()), "hello");
  std::vector<uint8_t> framed = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
  for (int i = 0; i < 2; i++) {
    framed.insert(framed.end(), {0, 0, 0, 7});
    framed.insert(framed.end(), kRawSnappy.begin(), kRawSnappy.end());
  }
  EXPECT_EQ(as_text(decompressor.inflate(Codec::snappy, framed, 10)->view()), "hellohello");
  framed[15] = 2;
  EXPECT_EQ(inflate_error(Codec::snappy, framed), Errc::corrupt_data) << "a framing to come";
  framed[15] = 1;
  framed[16] = 0x80;
  EXPECT_EQ(inflate_error(Codec::snappy, framed), Errc::corrupt_data) << "negative block size";
}

TEST(Snappy, WritesXerialFraming) {
  const std::vector<uint8_t> bytes = deflated(Codec::snappy, mixed_bytes(40000));
  EXPECT_EQ(bytes[0], 0x82);
  EXPECT_EQ(load_be<int32_t>(bytes.data() + 8), 1);
  EXPECT_EQ(load_be<int32_t>(bytes.data() + 12), 1);
  const auto first_block = static_cast<size_t>(load_be<int32_t>(bytes.data() + 16));
  EXPECT_LT(first_block, 40000u);
  EXPECT_LT(20 + first_block, bytes.size()) << "blocks of 32 KiB, so there is a second";
}

TEST(Snappy, AnnouncedSizesAreNotBelieved) {
  const std::vector<uint8_t> announces = {0xff, 0xff, 0xff, 0x1f, 0x10,
                                          'h',  'e',  'l',  'l',  'o'};  // 64 MiB less 1
  EXPECT_EQ(inflate_error(Codec::snappy, announces, kInflatedBytesMax), Errc::corrupt_data);
  const std::vector<uint8_t> more = {0xff, 0xff, 0xff, 0xff, 0x0f, 0x10, 'h', 'e', 'l', 'l', 'o'};
  EXPECT_EQ(inflate_error(Codec::snappy, more, kInflatedBytesMax), Errc::limit_exceeded);
}

TEST(Lz4, WritesIndependentBlocksOf64KiB) {
  const std::vector<uint8_t> bytes = deflated(Codec::lz4, mixed_bytes(200000));
  EXPECT_EQ(ByteView(bytes).first(4)[0], 0x04);
  EXPECT_EQ(bytes[3], 0x18);
  EXPECT_EQ(bytes[4], 0x60)
      << "version 1, independent blocks, no checksums, no content size, no dictionary";
  EXPECT_EQ(bytes[5], 0x40) << "64 KiB";
}

TEST(Zstd, AnnouncedSizesTakeNoMemory) {
  // Magic; single segment with an eight byte content size of 2^60; one raw last block "hello".
  std::vector<uint8_t> frame = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0,    0, 0,
                                0,    0,    0,    0,    0x10, 0x29, 0, 0};
  for (const char c : std::string("hello")) frame.push_back(static_cast<uint8_t>(c));
  EXPECT_EQ(inflate_error(Codec::zstd, frame, kMiB), Errc::corrupt_data);
  // The same with a window of 2^41 bytes and no content size is legal, and five bytes.
  std::vector<uint8_t> window = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 0x29, 0, 0};
  for (const char c : std::string("hello")) window.push_back(static_cast<uint8_t>(c));
  Decompressor decompressor;
  const Result<Buffer> out = decompressor.inflate(Codec::zstd, window, kMiB);
  ASSERT_TRUE(out.has_value()) << describe(out.error());
  EXPECT_EQ(as_text(out->view()), "hello");
  EXPECT_LE(out->capacity(), 8192u);
}

TEST(Levels, AreKafkasRanges) {
  struct Case {
    Codec codec;
    int level;
    bool legal;
  };
  const Case cases[] = {
      {Codec::gzip, -1, true},      {Codec::gzip, 0, false},       {Codec::gzip, 1, true},
      {Codec::gzip, 9, true},       {Codec::gzip, 10, false},      {Codec::lz4, 0, false},
      {Codec::lz4, 1, true},        {Codec::lz4, 17, true},        {Codec::lz4, 18, false},
      {Codec::zstd, -131072, true}, {Codec::zstd, -131073, false}, {Codec::zstd, 22, true},
      {Codec::zstd, 23, false},     {Codec::snappy, 1, false},     {Codec::none, 1, false},
  };
  const std::vector<uint8_t> bytes = mixed_bytes(20000);
  for (const Case& c : cases) {
    EXPECT_EQ(check_level(c.codec, c.level).has_value(), c.legal)
        << codec_name(c.codec) << " " << c.level;
    Compressor compressor;
    Buffer out;
    EXPECT_EQ(compressor.deflate(c.codec, c.level, bytes, out).has_value(), c.legal);
    if (!c.legal) continue;
    Decompressor decompressor;
    EXPECT_TRUE(equal(decompressor.inflate(c.codec, out.view(), bytes.size())->view(), bytes));
  }
}

TEST(Levels, MoreEffortMakesLess) {
  const std::vector<uint8_t> bytes = mixed_bytes(300000);
  EXPECT_LT(deflated(Codec::gzip, bytes, 9).size(), deflated(Codec::gzip, bytes, 1).size());
  EXPECT_LT(deflated(Codec::lz4, bytes, 12).size(), deflated(Codec::lz4, bytes, 9).size())
      << "9 is Kafka's fast default";
  EXPECT_LT(deflated(Codec::zstd, bytes, 19).size(), deflated(Codec::zstd, bytes, -5).size());
}

TEST(Cap, IsThirtyTwoTimesTheLargestMessage) {
  EXPECT_EQ(inflated_bytes_cap(1000), 32000u);
  EXPECT_EQ(inflated_bytes_cap(1048588), 33554816u);
  EXPECT_EQ(inflated_bytes_cap(std::numeric_limits<int32_t>::max()), kInflatedBytesMax);
  EXPECT_EQ(inflated_bytes_cap(-1), 0u);
}

}  // namespace
}  // namespace partita::records
