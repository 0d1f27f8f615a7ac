#pragma once
// Records within a batch, from uncompressed or inflated bytes. All views borrow from those bytes.
//
// Invariants:
//  1. A Record that next() answered lies wholly in the bytes, headers included: iterating them
//     cannot fail.
//  2. Bytes that make no sense are Errc::corrupt_data, however they are mutilated; nothing is
//     allocated for them.
//  3. A negative length of a key or value is null, as in Kafka; of a header's key it is an error.

#include <iterator>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace partita::records {

struct RecordHeader {
  std::string_view key;
  std::optional<ByteView> value;
};

/// The headers of one record, in order; keys may repeat.
class RecordHeaders {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = RecordHeader;
    using reference = RecordHeader;
    using pointer = const RecordHeader*;
    using difference_type = std::ptrdiff_t;
    RecordHeader operator*() const { return current_; }
    const RecordHeader* operator->() const { return &current_; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(const Iterator& other) const { return left_ == other.left_; }

   private:
    friend class RecordHeaders;
    Iterator(ByteView bytes, int32_t left);
    void read();

    ByteView bytes_;
    int32_t left_;
    RecordHeader current_;
  };

  RecordHeaders() = default;
  /// REQUIRED: `bytes` hold `count` whole headers.
  RecordHeaders(ByteView bytes, int32_t count) : bytes_(bytes), count_(count) {}
  int32_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  Iterator begin() const { return Iterator(bytes_, count_); }
  Iterator end() const { return Iterator({}, 0); }
  /// As they stand in the record, without their count.
  ByteView bytes() const { return bytes_; }

 private:
  ByteView bytes_;
  int32_t count_ = 0;
};

struct Record {
  ByteView bytes;  ///< the whole record, its length included
  int8_t attributes = 0;
  int64_t timestamp_delta = 0;  ///< from the batch's base timestamp: BatchHeader::timestamp_at
  int32_t offset_delta = 0;     ///< from the batch's base offset: BatchHeader::offset_at
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  RecordHeaders headers;
};

class RecordIterator {
 public:
  /// `bytes` are a batch's records, inflated where they were compressed; `count` is what its header
  /// says.
  RecordIterator(ByteView bytes, int32_t count)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()), count_(count) {}

  /// Reads the next record; false after the last. Fails where a record is wrong, and where bytes
  /// follow the last.
  Result<bool> next(Record& record);
  /// How many records next() has answered.
  int32_t index() const { return index_; }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
  int32_t count_;
  int32_t index_ = 0;
};

}  // namespace partita::records
