// Any bytes as the records of a consumer group (kinds 3 to 8 and 16): an error or a group that
// keeps its invariants, loads, and lives on.

#include "base/check.h"
#include "coordinators/group/consumer_group.h"

namespace {

using namespace partita;
using namespace partita::coordinators;

/// Cuts `size` bytes off, or what is left.
ByteView take(ByteView& input, size_t size) {
  const ByteView part = input.first(std::min(size, input.size()));
  input = input.subspan(part.size());
  return part;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input(data, size);
  const GroupSettings settings;
  ConsumerGroup group("g", settings, nullptr);
  // A record: the sizes of its key and value, 255 for a tombstone, then the bytes.
  while (input.size() >= 2) {
    const ByteView sizes = take(input, 2);
    const ByteView key = take(input, sizes[0]);
    std::optional<ByteView> value;
    if (sizes[1] != 255) value = take(input, sizes[1]);
    const auto parsed = parse_numbered(key);
    if (!parsed) continue;
    const auto there = group.replay(
        *parsed, {.key = key, .value = value, .offset = {}, .timestamp = {}, .transaction = {}});
    if (there && !*there) return 0;
  }
  Now now{.instant = Instant(1h), .wall = WallTime(1)};
  GroupEffects out;
  group.loaded(now, out);
  group.check_invariants();
  (void)group.describe();
  if (group.wants_classic()) {
    (void)group.hand_over();
    return 0;
  }
  for (int i = 0; i < 4 && group.next_deadline() != kNoDeadline; ++i) {
    now.instant = std::max(now.instant, group.next_deadline());
    group.tick(now, out);
    if (group.wants_classic()) return 0;
    group.check_invariants();
  }
  return 0;
}
