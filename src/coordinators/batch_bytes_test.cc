#include "coordinators/batch_bytes.h"

#include <gtest/gtest.h>

#include "records/batch_builder.h"

namespace partita::coordinators {
namespace {

TEST(BatchBytes, AreWhatTheBatchHas) {
  std::vector<CoordinatorRecord> records;
  for (size_t i = 0; i < 300; i++) {
    CoordinatorRecord record{.key = Bytes::copy_of(std::string(i % 90, 'k')), .value = {}};
    if (i % 7 != 0) record.value = Bytes::copy_of(std::string(i * i % 5000, 'v'));
    records.push_back(std::move(record));
    records::BatchBuilder builder;
    for (const CoordinatorRecord& record : records) {
      builder.append({.key = record.key.view(),
                      .value = record.value ? std::optional(record.value->view()) : std::nullopt,
                      .timestamp = WallTime(1'700'000'000'000)});
    }
    ASSERT_EQ(BatchBytes::of(records), builder.build()->size()) << i;
  }
}

}  // namespace
}  // namespace partita::coordinators
