// Arbitrary records replayed into a GroupMachine: lengths and bytes from the input. Whatever is
// taken in obeys the invariants, lets time pass, and is described.

#include <cstdint>
#include <memory>

#include "base/check.h"
#include "coordinators/group/group_machine.h"

namespace {

using namespace partita;

struct NoIds : coordinators::IdSource {
  Uuid next() override { return {}; }
};

/// Takes bytes off the front of the input; fewer where it ends.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : left_(data, size) {}
  bool empty() const { return left_.empty(); }
  uint8_t byte() {
    if (left_.empty()) return 0;
    const uint8_t value = left_.front();
    left_ = left_.subspan(1);
    return value;
  }
  ByteView bytes() {
    const size_t size = std::min<size_t>(size_t{byte()} * 256 + byte(), left_.size());
    const ByteView taken = left_.first(size);
    left_ = left_.subspan(size);
    return taken;
  }

 private:
  ByteView left_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace partita::coordinators;
  Input input(data, size);
  const GroupSettings settings;
  NoIds ids;
  GroupMachine machine(settings, ids, Log(null_log_sink(), "fuzz"));
  int64_t offset = 0;
  while (!input.empty()) {
    const uint8_t what = input.byte();
    ReplayedRecord record{.key = input.bytes(),
                          .value = {},
                          .offset = Offset(offset++),
                          .timestamp = WallTime(offset),
                          .transaction = {}};
    if (what & 1) record.value = input.bytes();
    if (what & 2) record.transaction = ProducerTag{ProducerId(what >> 4), ProducerEpoch(0)};
    static_cast<void>(machine.replay(record));
    if (what & 4) {
      machine.replay(ReplayedMarker{.producer = {ProducerId(what >> 4), ProducerEpoch(0)},
                                    .is_commit = (what & 8) != 0,
                                    .offset = Offset(offset++),
                                    .timestamp = {}});
    }
  }
  Now now{.instant = Instant(1h), .wall = WallTime(1'700'000'000'000)};
  GroupMachine::Effects out;
  machine.image_changed(std::make_shared<metadata::Image>(), now, out);
  machine.loaded(now, out);
  machine.check_invariants();
  for (const auto& group : machine.list_groups({}, {})) {
    static_cast<void>(machine.describe_group(group.group_id, 6));
    static_cast<void>(machine.describe_consumer_group(group.group_id));
  }
  for (int i = 0; i < 10 && machine.next_deadline() != kNoDeadline; i++) {
    now.instant = std::max(now.instant, machine.next_deadline());
    machine.tick(now, out);
    machine.check_invariants();
  }
  return 0;
}
