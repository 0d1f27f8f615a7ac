// Bytes as produce data and as a segment: the check, the walk of batches, records and lookups must
// survive whatever comes. Besides the bytes as they are, they are tried with length and CRC made
// right, so that the fuzzer gets past them.

#include <cstdint>
#include <vector>

#include "base/check.h"
#include "records/batch_records.h"
#include "records/check.h"
#include "records/lookup.h"
#include "records/test_batches.h"

namespace partita::records {
namespace {

constexpr size_t kInflatedMax = size_t{1} << 20;
constexpr WallTime kNow(1700000000000);

void read_stored(ByteView bytes, Decompressor& decompressor) {
  BatchIterator batches(bytes);
  for (auto batch = batches.next(); batch && *batch; batch = batches.next()) {
    const BatchView& view = **batch;
    CHECK(view.total_size() <= bytes.size());
    (void)view.verify();
    (void)view.last_sequence();
    const auto found = find_timestamp(view, kNow, Offset(1), decompressor, kInflatedMax);
    if (found && *found) CHECK((*found)->timestamp >= kNow);
    (void)find_max_timestamp(view, decompressor, kInflatedMax);
  }
}

void check_as_produced(ByteView bytes, Decompressor& decompressor) {
  Judged<ProducedBatch> produced = check_produced(bytes);
  if (!produced) {
    CHECK(!produced.error().error.detail.empty());
    return;
  }
  CHECK(produced->batch.verify().has_value());
  Buffer inflated;
  const bool inside = check_inside(*produced, decompressor, kInflatedMax, &inflated).has_value();
  CHECK(inside || produced->codec != Codec::none);
  const TopicRules strict{.timestamp_before_max_ms = 1000, .keys_required = true};
  (void)check_rules(*produced, strict, kNow, inflated.view());
  if (!inside) return;
  // What the check lets pass, every reader reads, and its maximum is the lookup's.
  BatchPrefix prefix = make_prefix(*produced, TimestampType::create_time, kNow);
  prefix.stamp(Offset(7), LeaderEpoch(1));
  std::vector<uint8_t> stored(prefix.bytes().begin(), prefix.bytes().end());
  const ByteView rest = bytes.subspan(prefix.size());
  stored.insert(stored.end(), rest.begin(), rest.end());
  const Result<BatchView> view = BatchView::parse(stored);
  CHECK(view.has_value());
  CHECK(view->verify().has_value());
  const auto latest = find_max_timestamp(*view, decompressor, kInflatedMax);
  CHECK(latest.has_value());
  CHECK(latest->has_value());
  CHECK((*latest)->timestamp == view->max_timestamp());
  CHECK((*latest)->offset == Offset(7) + *produced->offset_of_max_timestamp);
}

}  // namespace
}  // namespace partita::records

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace partita;
  records::Decompressor decompressor;
  std::vector<uint8_t> bytes(data, data + size);
  records::read_stored(bytes, decompressor);
  records::check_as_produced(bytes, decompressor);
  if (size < records::kBatchHeaderBytes) return 0;
  records::testing::seal(bytes);
  bytes[16] = 2;
  records::testing::seal(bytes);
  records::read_stored(bytes, decompressor);
  store_be<int64_t>(bytes.data(), 0);
  records::check_as_produced(bytes, decompressor);
  return 0;
}
