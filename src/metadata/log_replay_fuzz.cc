// Arbitrary bytes as batches of the metadata log and as a snapshot: an Error or an Image that
// survives a snapshot of its own, never a crash.

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "metadata/image_records.h"
#include "metadata/log_replay.h"

using namespace partita;
using namespace partita::metadata;

namespace {

void check_round_trip(const Image& image) {
  Delta delta(Image::empty());
  delta.start_snapshot();
  CHECK(write_image(image, [&delta](ByteView frame) { return delta.replay(frame); }).has_value());
  auto again = std::move(delta).finish(Offset(0), LeaderEpoch(0), 0);
  CHECK(again.has_value());
  CHECK(again->image->same_state(image));
}

/// Records one after the other: a length byte, then that many bytes of a frame.
void replay_frames(ByteView input) {
  Delta delta(Image::empty());
  while (!input.empty()) {
    const size_t size = std::min<size_t>(input[0], input.size() - 1);
    if (!delta.replay(input.subspan(1, size))) return;
    input = input.subspan(1 + size);
  }
  auto finished = std::move(delta).finish(Offset(1), LeaderEpoch(1), 1);
  if (finished) check_round_trip(*finished->image);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView input(data, size);
  replay_frames(input);
  LogReplay replay(Image::empty());
  records::BatchIterator batches(input);
  while (true) {
    const auto batch = batches.next();
    if (!batch || !*batch || !replay.add(**batch)) break;
  }
  LogReplay snapshot(Image::empty());
  static_cast<void>(snapshot.load_snapshot(input, Offset(5), LeaderEpoch(1)));
  return 0;
}
