#include "rpc/frame_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/fault_points.h"

namespace partita::rpc {
namespace {

constexpr size_t kFrameBytesMax = 10 << 20;

/// A reproducible source of choices for these tests.
class Choices {
 public:
  explicit Choices(uint64_t seed) : state_(seed * 2 + 1) {}
  size_t below(size_t bound) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>(state_ >> 33) % bound;
  }

 private:
  uint64_t state_;
};

void append_frame(std::string& stream, std::string_view frame) {
  uint8_t size[4];
  store_be(size, static_cast<uint32_t>(frame.size()));
  stream.append(as_text(size)).append(frame);
}

std::string some_frame(Choices& choices) {
  constexpr size_t kLimits[] = {20, 300, 20'000, 200'000, 3'000'000};
  const size_t kind = choices.below(40);
  const size_t limit = kLimits[kind < 20 ? 0 : kind < 30 ? 1 : kind < 36 ? 2 : kind < 39 ? 3 : 4];
  std::string frame(1 + choices.below(limit), ' ');
  const size_t from = choices.below(256);
  for (size_t i = 0; i < frame.size(); i++) frame[i] = static_cast<char>(from + i * 131 + i / 251);
  return frame;
}

/// Feeds `stream` in pieces as a socket would; collects the frames.
Result<std::vector<Bytes>> feed(FrameReader& reader, std::string_view stream, Choices& choices) {
  std::vector<Bytes> frames;
  while (!stream.empty()) {
    const ByteSpan into = reader.prepare();
    EXPECT_FALSE(into.empty());
    const size_t piece = choices.below(5) == 0 ? 1 + choices.below(10) : 1 + choices.below(400'000);
    const size_t count = std::min({into.size(), stream.size(), piece});
    std::memcpy(into.data(), stream.data(), count);
    stream.remove_prefix(count);
    reader.received(count);
    while (true) {
      const Result<Bytes> frame = reader.next();
      if (!frame && frame.error().code == Errc::would_block) break;
      if (!frame) return std::unexpected(frame.error());
      frames.push_back(*frame);
    }
    EXPECT_LE(reader.held_bytes(), std::max({FrameReader::kFirstBytes, 2 * reader.partial_bytes(),
                                             FrameReader::kTrustedBytesMax}));
    if (!reader.mid_frame()) EXPECT_EQ(reader.held_bytes(), 0u);
  }
  return frames;
}

TEST(FrameReader, CutsAnySplitOfTheStream) {
  ReceiveScratch scratch;
  for (uint64_t seed = 1; seed <= 15; seed++) {
    Choices choices(seed);
    std::vector<std::string> expected;
    std::string stream;
    for (int i = 0; i < 60; i++) append_frame(stream, expected.emplace_back(some_frame(choices)));
    FrameReader reader(scratch, kFrameBytesMax);
    const auto frames = feed(reader, stream, choices);
    ASSERT_TRUE(frames);
    ASSERT_EQ(frames->size(), expected.size());
    // Compared at the end: what came out earlier must not have been overwritten since.
    for (size_t i = 0; i < expected.size(); i++) {
      ASSERT_TRUE(as_text((*frames)[i].view()) == expected[i]) << "seed " << seed << " frame " << i;
    }
  }
}

TEST(FrameReader, FramesPinAtMostFourTimesWhatArrived) {
  ReceiveScratch scratch;
  FrameReader reader(scratch, kFrameBytesMax);
  Choices choices(3);
  std::string stream;
  append_frame(stream, std::string(1'000'000, 'l'));
  for (int i = 0; i < 3; i++) append_frame(stream, std::string(100, 's'));
  const auto frames = feed(reader, stream, choices);
  ASSERT_TRUE(frames);
  ASSERT_EQ(frames->size(), 4u);
  EXPECT_LE(frames->front().pinned_bytes(), 4'000'100u);
  std::string alone;
  append_frame(alone, std::string(100, 'a'));
  const auto small = feed(reader, alone, choices);
  ASSERT_TRUE(small);
  EXPECT_LE(small->front().pinned_bytes(), 500u);
}

size_t held_for_announced(uint32_t size) {
  ReceiveScratch scratch;
  FrameReader reader(scratch, 100 << 20);
  const ByteSpan into = reader.prepare();
  store_be(into.data(), size);
  reader.received(4);
  EXPECT_EQ(reader.next().error().code, Errc::would_block);
  EXPECT_TRUE(reader.mid_frame());
  EXPECT_FALSE(reader.has_header());
  return reader.held_bytes();
}

TEST(FrameReader, AnAnnouncedSizeIsNotTrusted) {
  EXPECT_LE(held_for_announced(100 << 20), FrameReader::kFirstBytes);
#if PARTITA_FAULTS
  faults::set_mutant("rpc.trust_announced_size");
  EXPECT_GT(held_for_announced(100 << 20), FrameReader::kFirstBytes);
  faults::set_mutant("");
#endif
}

TEST(FrameReader, IllegalSizesComeAfterTheFramesBeforeThem) {
  struct Case {
    uint32_t size;
    std::string_view words;
  };
  for (const Case& each :
       {Case{0, "0 bytes"}, Case{0xffffffff, "-1 bytes"}, Case{0x80000000, "-2147483648"},
        Case{kFrameBytesMax + 1, "10485761"}, Case{0x47455420, "HTTP"}, Case{0x504f5354, "HTTP"},
        Case{0x16030100, "TLS"}}) {
    ReceiveScratch scratch;
    FrameReader reader(scratch, kFrameBytesMax);
    std::string stream;
    append_frame(stream, "first");
    uint8_t size[4];
    store_be(size, each.size);
    stream.append(as_text(size)).append("and more");
    const ByteSpan into = reader.prepare();
    std::memcpy(into.data(), stream.data(), stream.size());
    reader.received(stream.size());
    const auto first = reader.next();
    ASSERT_TRUE(first);
    EXPECT_EQ(as_text(first->view()), "first");
    const auto second = reader.next();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::malformed);
    EXPECT_NE(second.error().detail.find(each.words), std::string::npos) << second.error().detail;
    EXPECT_EQ(reader.next().error().code, Errc::malformed);
    EXPECT_EQ(reader.held_bytes(), 0u);
  }
}

}  // namespace
}  // namespace partita::rpc
