// A producer snapshot from any bytes, as they are and with the checksum made right; what decodes
// and makes sense as a state is the same after a snapshot of that state.

#include <cstdint>
#include <vector>

#include "base/check.h"
#include "base/crc32c.h"
#include "storage/producer_state.h"

namespace partita::storage {
namespace {

void try_snapshot(ByteView bytes) {
  const auto entries = decode_producer_snapshot(bytes);
  if (!entries) {
    CHECK(entries.error().code == Errc::corrupt_data);
    return;
  }
  CHECK(equal(encode_producer_snapshot(*entries).view(), bytes));
  const ProducerStateOptions options{.producers_max = 8};
  ProducerState state(options);
  if (!state.load(*entries, Offset(INT64_MAX), Instant())) return;
  state.check_invariants();
  CHECK(state.snapshot().size() == entries->size());
  ProducerState again(options);
  CHECK(again.load(state.snapshot(), Offset(INT64_MAX), Instant()).has_value());
  CHECK(again.snapshot() == state.snapshot());
  for (const ProducerSnapshotEntry& entry : *entries) {
    const ProducerBatch next{.producer_id = entry.producer_id,
                             .producer_epoch = entry.producer_epoch,
                             .first_sequence = entry.last_sequence,
                             .last_sequence = entry.last_sequence};
    (void)state.check(next);
    state.apply(next, Instant());
    state.check_invariants();
  }
}

}  // namespace
}  // namespace partita::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace partita;
  std::vector<uint8_t> bytes(data, data + size);
  storage::try_snapshot(bytes);
  if (size < 10) return 0;
  store_be<int16_t>(bytes.data(), 1);
  store_be<int32_t>(bytes.data() + 6, static_cast<int32_t>((size - 10) / 46));
  store_be<uint32_t>(bytes.data() + 2, crc32c(ByteView(bytes).subspan(6)));
  storage::try_snapshot(bytes);
  return 0;
}
