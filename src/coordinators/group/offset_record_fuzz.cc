// Offset records from any bytes, as another broker or release may have left them in the log: an
// error, or an offset that the store keeps and that is written and read back as the same.

#include <cstdint>

#include "base/check.h"
#include "coordinators/group/offset_store.h"

namespace partita::coordinators {
namespace {

OffsetRecord read(const CoordinatorRecord& record) {
  const auto key = parse_numbered(record.key.view());
  CHECK(key.has_value());
  const auto value = record.value ? std::optional(record.value->view()) : std::nullopt;
  const auto decoded = decode_offset_record(*key, value);
  CHECK(decoded.has_value());
  return *decoded;
}

/// The first byte says how long the key is, the second whether it is a tombstone or transactional.
void try_record(ByteView bytes) {
  if (bytes.size() < 2) return;
  const size_t key_size = std::min<size_t>(bytes[0], bytes.size() - 2);
  const ByteView key_bytes = bytes.subspan(2, key_size);
  const auto key = parse_numbered(key_bytes);
  if (!key) return;
  std::optional<ByteView> value;
  if ((bytes[1] & 1) == 0) value = bytes.subspan(2 + key_size);
  const auto decoded = decode_offset_record(*key, value);
  if (!decoded) return;
  OffsetStore store;
  if (!decoded->committed) {
    store.remove(decoded->place);
    CHECK(read(offset_tombstone(decoded->place)).place == decoded->place);
    return;
  }
  std::optional<ProducerId> producer;
  if ((bytes[1] & 2) != 0) producer = ProducerId(1);
  store.put(decoded->place, *decoded->committed, producer, Offset(7));
  CHECK(store.is_pending(decoded->place) == producer.has_value());
  store.end_transaction(ProducerId(1), true);
  CHECK(store.find(decoded->place) == decoded->committed);
  store.check_invariants();
  const CoordinatorRecord again = offset_record(decoded->place, as_recorded(*decoded->committed));
  const OffsetRecord back = read(again);
  CHECK(back.place == decoded->place);
  CHECK(back.committed == as_recorded(*decoded->committed));
  std::vector<CoordinatorRecord> gone;
  store.write_tombstones(decoded->place.group, gone);
  store.remove_group(decoded->place.group);
  CHECK(gone.size() == 1);
  CHECK(!store.knows(decoded->place.group));
}

}  // namespace
}  // namespace partita::coordinators

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  partita::coordinators::try_record({data, size});
  return 0;
}
