#include "records/record.h"

#include <fmt/format.h>

#include "base/check.h"
#include "records/record_parse.h"

namespace partita::records {

namespace detail {

const char* skip_headers(const uint8_t*& at, const uint8_t* end, int32_t count) {
  if (count < 0) return "the header count is negative";
  // A header takes two bytes at least.
  if (count > (end - at) / 2) return "the header count is larger than the record";
  for (int32_t i = 0; i < count; i++) {
    int32_t key_length = 0;
    if (!take_varint(at, end, key_length)) return "a header key's length is cut";
    if (key_length < 0) return "a header key's length is negative";
    if (!take_bytes(at, end, key_length)) return "a header key runs past the record";
    std::optional<ByteView> value;
    if (!take_nullable(at, end, value)) return "a header value runs past the record";
  }
  return nullptr;
}

}  // namespace detail

RecordHeaders::Iterator::Iterator(ByteView bytes, int32_t left) : bytes_(bytes), left_(left) {
  if (left_ > 0) read();
}

RecordHeaders::Iterator& RecordHeaders::Iterator::operator++() {
  CHECK(left_ > 0);
  left_--;
  if (left_ > 0) read();
  return *this;
}

void RecordHeaders::Iterator::read() {
  const uint8_t* at = bytes_.data();
  const uint8_t* const end = at + bytes_.size();
  int32_t key_length = 0;
  // The bytes were walked when the record was read; that they do not fit now is a fault of ours.
  CHECK(detail::take_varint(at, end, key_length));
  const uint8_t* const key = at;
  CHECK(key_length >= 0 && detail::take_bytes(at, end, key_length));
  current_.key = as_text({key, at});
  CHECK(detail::take_nullable(at, end, current_.value));
  bytes_ = {at, end};
}

Result<bool> RecordIterator::next(Record& record) {
  if (index_ >= count_) {
    if (at_ == end_) return false;
    return fail(Errc::corrupt_data,
                fmt::format("{} bytes follow the last of {} records", end_ - at_, count_));
  }
  if (const char* wrong = detail::take_record(at_, end_, record)) {
    return fail(Errc::corrupt_data, fmt::format("record {} of {}: {}", index_, count_, wrong));
  }
  index_++;
  return true;
}

}  // namespace partita::records
