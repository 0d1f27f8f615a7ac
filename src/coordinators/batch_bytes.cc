#include "coordinators/batch_bytes.h"

#include "base/varint.h"

namespace partita::coordinators {
namespace {

size_t varint_size(size_t value) {
  return uvarint_size(zigzag(static_cast<int64_t>(value)));
}

size_t field_size(const std::optional<Bytes>& field) {
  return field ? varint_size(field->size()) + field->size() : 1;
}

/// Attributes, a timestamp delta of 0 and the count of headers are one byte each.
constexpr size_t kFixedBytes = 3;

}  // namespace

size_t BatchBytes::with(const CoordinatorRecord& record) const {
  const size_t body = kFixedBytes + varint_size(records_) + varint_size(record.key.size()) +
                      record.key.size() + field_size(record.value);
  return bytes_ + varint_size(body) + body;
}

void BatchBytes::add(const CoordinatorRecord& record) {
  bytes_ = with(record);
  records_++;
}

size_t BatchBytes::of(const std::vector<CoordinatorRecord>& records) {
  BatchBytes sum;
  for (const CoordinatorRecord& record : records) sum.add(record);
  return sum.bytes();
}

}  // namespace partita::coordinators
