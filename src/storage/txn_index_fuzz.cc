// A transaction index from any bytes: an error, or an index whose searches answer nothing but what
// overlaps, which finds the same after a cut at any offset but for what was cut off, and which can
// be appended to.

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "runtime/sim/world.h"
#include "storage/transaction_index.h"

namespace partita::storage {
namespace {

constexpr Offset kBase(1000);
constexpr Offset kEnd(1'000'000);

using runtime::sim::SimNode;
using runtime::sim::SimWorld;

std::vector<AbortedTxn> collect(SimWorld& world, Shard& shard, TransactionIndex& index, Offset from,
                                Offset upper_bound) {
  std::vector<AbortedTxn> found;
  const auto done = world.run(shard, index.collect(shard.executor(), from, upper_bound, found));
  CHECK(done.has_value());
  for (const AbortedTxn& txn : found) {
    CHECK(txn.last_offset >= from);
    CHECK(txn.first_offset < upper_bound);
  }
  return found;
}

}  // namespace
}  // namespace partita::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace partita;
  using namespace partita::storage;
  if (size < 8) return 0;
  SimWorld world(1);
  Shard& shard = world.add_node().shard();
  const Offset from(load_be<int32_t>(data) & 0xfffff);
  const Offset upper_bound = std::max(from.next(), Offset(load_be<int32_t>(data + 4) & 0xfffff));
  {
    auto file = shard.disk().open("/index", OpenMode::create);
    CHECK(file.has_value());
    CHECK((*file)->write(0, ByteView(data + 8, size - 8)).has_value());
  }
  OpenFiles files(shard.disk(), 4);
  TransactionIndex index(files, "/index", kBase);
  if (!world.run(shard, index.open(shard.executor(), kEnd))) return 0;
  (void)collect(world, shard, index, from, upper_bound);
  std::vector<AbortedTxn> all = collect(world, shard, index, Offset(0), Offset(INT64_MAX));
  CHECK(world.run(shard, index.truncate_to(shard.executor(), from)).has_value());
  std::erase_if(all, [&](const AbortedTxn& txn) { return txn.last_offset >= from; });
  CHECK(collect(world, shard, index, Offset(0), Offset(INT64_MAX)) == all);
  const Offset next = std::max({index.last_offset().next(), kBase, Offset(1)});
  const AbortedTxn more{ProducerId(1), Offset(0), next, next.next()};
  CHECK(index.append(more).has_value());
  all.push_back(more);
  CHECK(collect(world, shard, index, Offset(0), Offset(INT64_MAX)) == all);
  return 0;
}
