// The text files of a log directory from any bytes: an error, or a value that is written and read
// back as the same.

#include <cstdint>

#include "base/check.h"
#include "storage/clean_shutdown.h"
#include "storage/leader_epoch_cache.h"
#include "storage/meta_properties.h"
#include "storage/offset_checkpoint.h"
#include "storage/partition_metadata.h"

namespace partita::storage {
namespace {

void try_checkpoints(ByteView bytes) {
  if (const auto entries = decode_offset_checkpoint(bytes)) {
    CHECK(equal(encode_offset_checkpoint(*entries).view(), bytes));
  }
  auto cache = LeaderEpochCache::decode(bytes);
  if (!cache) return;
  CHECK(equal(cache->encode().view(), bytes));
  cache->check_invariants();
  for (const EpochEntry& entry : std::vector(cache->entries())) {
    const auto end = cache->end_offset_for(entry.epoch, Offset(INT64_MAX));
    CHECK(end.epoch == entry.epoch);
    CHECK(end.end_offset > entry.start_offset || end.end_offset == Offset(INT64_MAX));
    CHECK(cache->epoch_for_offset(entry.start_offset) == entry.epoch);
  }
  cache->clip(Offset(100), Offset(1000));
  cache->check_invariants();
}

void try_small_files(ByteView bytes) {
  if (const auto id = decode_partition_metadata(bytes)) {
    CHECK(decode_partition_metadata(encode_partition_metadata(*id).view()) == *id);
  }
  if (const auto properties = decode_meta_properties(bytes)) {
    const Bytes written = encode_meta_properties(*properties, WallTime(0));
    CHECK(decode_meta_properties(written.view()) == *properties);
  }
  if (const auto epoch = decode_clean_shutdown(bytes)) {
    CHECK(decode_clean_shutdown(encode_clean_shutdown(*epoch).view()) == *epoch);
  }
}

}  // namespace
}  // namespace partita::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  partita::storage::try_checkpoints({data, size});
  partita::storage::try_small_files({data, size});
  return 0;
}
