#include "storage/tail_ring.h"

#include <gtest/gtest.h>

#include <string>

namespace partita::storage {
namespace {

class TailRingTest : public testing::Test {
 protected:
  /// A batch of `size` bytes that ends `received`, an allocation of `pinned` bytes.
  static Bytes received(size_t size, size_t pinned) {
    const Bytes all = Bytes::copy_of(std::string(pinned, 'x'));
    return all.slice(pinned - size, size);
  }
  static void append(LogTail& tail, int64_t offset, size_t size = 1000, size_t pinned = 1000) {
    const std::string front(16, 'f');
    tail.append(Offset(offset), Offset(offset), as_bytes(front), received(size, pinned));
  }
  static std::optional<LogTail::Found> read(const LogTail& tail, int64_t from, int64_t upper = 1000,
                                            size_t bytes_max = 1 << 20, bool at_least_one = true) {
    ByteChain chain;
    LogTail::Found found;
    if (!tail.read(Offset(from), Offset(upper), bytes_max, at_least_one, chain, found)) {
      return std::nullopt;
    }
    EXPECT_EQ(chain_size(chain), found.bytes);
    return found;
  }

  TailRing ring_{10'000};
};

TEST_F(TailRingTest, ShowsTheOwnersFrontOverWhatWasReceived) {
  LogTail tail(ring_);
  append(tail, 7, 40, 40);
  ByteChain chain;
  LogTail::Found found;
  ASSERT_TRUE(tail.read(Offset(7), Offset(8), 100, true, chain, found));
  Buffer all;
  for (const Bytes& part : chain) all.append(part.view());
  EXPECT_EQ(as_text(all.view()), std::string(16, 'f') + std::string(24, 'x'));
}

TEST_F(TailRingTest, AnswersOnlyWhatItCoversWithoutGap) {
  LogTail tail(ring_);
  EXPECT_FALSE(read(tail, 0));
  for (int64_t at = 5; at < 9; ++at) append(tail, at);
  EXPECT_FALSE(read(tail, 4));
  EXPECT_FALSE(read(tail, 9));
  EXPECT_EQ(read(tail, 5)->next_offset, Offset(9));
  EXPECT_EQ(read(tail, 6, 8)->next_offset, Offset(8));
  EXPECT_EQ(read(tail, 6, 1000, 2500)->bytes, 2000u);
  EXPECT_EQ(read(tail, 6, 1000, 10)->bytes, 1000u);
  EXPECT_EQ(read(tail, 6, 1000, 10, false)->bytes, 0u);
}

TEST_F(TailRingTest, TheLeastRecentlyAppendedLogGoesFirst) {
  LogTail old(ring_);
  LogTail busy(ring_);
  for (int64_t at = 0; at < 3; ++at) append(old, at);
  for (int64_t at = 0; at < 20; ++at) append(busy, at);
  EXPECT_LE(ring_.bytes(), ring_.bytes_max());
  EXPECT_FALSE(read(old, 2));
  EXPECT_TRUE(read(busy, 19));
  EXPECT_FALSE(read(busy, 0));
}

TEST_F(TailRingTest, CountsWhatIsPinnedAndCopiesSmallParts) {
  LogTail tail(ring_);
  append(tail, 0, 100, 9000);
  EXPECT_LT(ring_.bytes(), 1000u);
  append(tail, 1, 5000, 9000);
  EXPECT_GT(ring_.bytes(), 9000u);
  append(tail, 2, 6000, 20'000);
  EXPECT_LE(ring_.bytes(), ring_.bytes_max());
  // One that is larger than the whole budget leaves nothing.
  append(tail, 3, 50'000, 50'000);
  EXPECT_EQ(ring_.bytes(), 0u);
  EXPECT_FALSE(read(tail, 3));
}

TEST_F(TailRingTest, TruncationTakesTheEnd) {
  LogTail tail(ring_);
  for (int64_t at = 0; at < 5; ++at) append(tail, at);
  tail.truncate_to(Offset(3));
  EXPECT_EQ(read(tail, 0)->next_offset, Offset(3));
  append(tail, 3);
  EXPECT_EQ(read(tail, 0)->next_offset, Offset(4));
  tail.truncate_to(Offset(0));
  EXPECT_EQ(ring_.bytes(), 0u);
}

}  // namespace
}  // namespace partita::storage
