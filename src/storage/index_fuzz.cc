// Both index files from any bytes: an error, or an index whose lookups never answer an entry above
// the target, and which stays consistent when it is cut and appended to.

#include <cstdint>

#include "base/check.h"
#include "runtime/sim/world.h"
#include "storage/offset_index.h"
#include "storage/time_index.h"

namespace partita::storage {
namespace {

using runtime::sim::SimNode;
using runtime::sim::SimWorld;

constexpr Offset kBase(1000);
constexpr uint32_t kBytesMax = 1 << 20;

void try_offsets(SimWorld& world, Shard& shard, File& file, IndexCheck check, Offset target) {
  auto index = world.run(
      shard, OffsetIndex::open(shard.executor(), file, kBase, kBytesMax, uint64_t{1} << 31, check));
  if (!index) return;
  const auto found = world.run(shard, index->lookup(shard.executor(), file, target));
  CHECK(found || check == IndexCheck::ends);
  if (found && target >= kBase) CHECK(found->offset <= target);
  if (!world.run(shard, index->truncate_to(shard.executor(), file, target))) return;
  CHECK(index->entry_count() == 0 || index->last_entry().offset < target);
  const Offset next = index->last_entry().offset.next();
  const bool writable = index->can_hold(next) && index->last_entry().position < INT32_MAX;
  if (writable) CHECK(index->append(file, next, index->last_entry().position + 1).has_value());
}

void try_times(SimWorld& world, Shard& shard, File& file, IndexCheck check, WallTime target) {
  auto index = world.run(
      shard, TimeIndex::open(shard.executor(), file, kBase, kBytesMax, Offset(INT64_MAX), check));
  if (!index) return;
  const auto found = world.run(shard, index->lookup(shard.executor(), file, target));
  CHECK(found || check == IndexCheck::ends);
  if (found && target >= kNoTimestamp) CHECK(found->timestamp <= target);
  const Offset cut = found ? found->offset : kBase;
  if (!world.run(shard, index->truncate_to(shard.executor(), file, cut))) return;
  CHECK(index->entry_count() == 0 || index->last_entry().offset < cut);
}

}  // namespace
}  // namespace partita::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace partita;
  using namespace partita::storage;
  if (size < 9) return 0;
  SimWorld world(1);
  SimNode& node = world.add_node();
  Shard& shard = node.shard();
  const ByteView bytes(data + 9, size - 9);
  const auto target = load_be<int64_t>(data + 1);
  const IndexCheck check = data[0] & 1 ? IndexCheck::every : IndexCheck::ends;
  auto file = shard.disk().open("/index", OpenMode::create);
  CHECK(file.has_value());
  CHECK((*file)->write(0, bytes).has_value());
  try_times(world, shard, **file, check, WallTime(target));
  CHECK((*file)->truncate(0).has_value());
  CHECK((*file)->write(0, bytes).has_value());
  try_offsets(world, shard, **file, check, Offset(target));
  return 0;
}
