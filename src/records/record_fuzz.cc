// Bytes as the records of a batch: the first byte is the count. Whatever is read lies within them.

#include <cstdint>
#include <vector>

#include "base/check.h"
#include "records/record.h"

namespace {

using partita::ByteView;

bool within(ByteView part, ByteView whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace partita;
  if (size == 0) return 0;
  const std::vector<uint8_t> copy(data + 1, data + size);
  const ByteView bytes(copy);
  records::RecordIterator records(bytes, data[0]);
  records::Record record;
  size_t total = 0;
  for (;;) {
    const Result<bool> more = records.next(record);
    if (!more) return 0;
    if (!*more) break;
    CHECK(within(record.bytes, bytes));
    total += record.bytes.size();
    if (record.key) CHECK(within(*record.key, record.bytes));
    if (record.value) CHECK(within(*record.value, record.bytes));
    int32_t headers = 0;
    for (const records::RecordHeader& header : record.headers) {
      CHECK(within(as_bytes(header.key), record.bytes));
      if (header.value) CHECK(within(*header.value, record.bytes));
      headers++;
    }
    CHECK(headers == record.headers.size());
  }
  CHECK(total == bytes.size());
  CHECK(records.index() == data[0]);
  return 0;
}
