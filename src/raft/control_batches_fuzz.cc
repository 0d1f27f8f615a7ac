// Arbitrary bytes as quorum-state, as a snapshot file and as control batches: an Error, never a
// crash.

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "raft/control_batches.h"
#include "raft/metadata_log.h"
#include "raft/quorum_state.h"

using namespace partita;
using namespace partita::raft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView input(data, size);
  if (const auto state = decode_quorum_state(input)) {
    const auto again = decode_quorum_state(encode_quorum_state(*state).view());
    CHECK(again.has_value());
    CHECK(*again == *state);
  }
  static_cast<void>(check_snapshot(input));
  if (const auto batch = records::BatchView::parse(input)) {
    QuorumRecords quorum;
    static_cast<void>(read_control_batch(*batch, quorum));
  }
  if (const auto id = parse_snapshot_name(as_text(input)))
    CHECK(snapshot_name(*id) == as_text(input));
  return 0;
}
