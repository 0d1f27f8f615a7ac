#include "records/record.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "records/batch_records.h"
#include "records/test_batches.h"

namespace partita::records {
namespace {

std::string text(const std::optional<ByteView>& bytes) {
  return bytes ? std::string(as_text(*bytes)) : "null";
}

struct Case {
  const char* what;
  std::vector<uint8_t> bytes;  // one record
};

// Fields: length, attributes, timestamp delta, offset delta, key length, value length, header
// count; lengths are zigzag.
const Case kWrong[] = {
    {"nothing", {}},
    {"length cut", {0x80}},
    {"length of six bytes", {0x80, 0x80, 0x80, 0x80, 0x80, 0x01}},
    {"length of more than 32 bits", {0xff, 0xff, 0xff, 0xff, 0x7f}},
    {"length -1", {0x01, 0, 0, 0, 1, 1, 0}},
    {"length 0", {0x00, 0, 0, 0, 1, 1, 0}},
    {"length past the end", {0x0e, 0, 0, 0, 1, 1, 0}},
    {"length INT_MAX", {0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 1, 1, 0}},
    {"length one short", {0x0a, 0, 0, 0, 1, 1, 0}},
    {"a byte behind the headers", {0x0e, 0, 0, 0, 1, 1, 0, 0}},
    {"timestamp delta cut", {0x04, 0, 0x80}},
    {"timestamp delta of eleven bytes",
     {0x20, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 0, 1, 1, 0}},
    {"offset delta cut", {0x06, 0, 0, 0x80}},
    {"key past the record", {0x0c, 0, 0, 0, 0x08, 'k', 0}},
    {"key of INT_MAX", {0x14, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1, 0}},
    {"value past the record", {0x0c, 0, 0, 0, 1, 0x7e, 0}},
    {"value length cut", {0x0a, 0, 0, 0, 1, 0x80}},
    {"no header count", {0x0a, 0, 0, 0, 1, 1}},
    {"header count -1", {0x0c, 0, 0, 0, 1, 1, 0x01}},
    {"header count INT_MAX", {0x14, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f}},
    {"header count without headers", {0x0c, 0, 0, 0, 1, 1, 0x02}},
    {"header key length -1", {0x10, 0, 0, 0, 1, 1, 0x02, 0x01, 0x01}},
    {"header key past the record", {0x10, 0, 0, 0, 1, 1, 0x02, 0x0c, 0x01}},
    {"header value past the record", {0x12, 0, 0, 0, 1, 1, 0x02, 0x02, 'h', 0x0c}},
    {"second header missing", {0x12, 0, 0, 0, 1, 1, 0x04, 0x02, 'h', 0x01}},
};

TEST(RecordIterator, RefusesEveryMutilation) {
  for (const Case& c : kWrong) {
    RecordIterator records(c.bytes, 1);
    Record record;
    const Result<bool> answer = records.next(record);
    ASSERT_FALSE(answer.has_value()) << c.what;
    EXPECT_EQ(answer.error().code, Errc::corrupt_data) << c.what;
    EXPECT_EQ(records.index(), 0) << c.what;
  }
}

TEST(RecordIterator, ReadsNullsEmptiesAndHeaders) {
  // Key null, value empty, headers a=null, ""="x", a="yz".
  const std::vector<uint8_t> bytes = {0x24, 0x00, 0xcf, 0x0f, 0x04, 0x01, 0x00, 0x06, 0x02, 'a',
                                      0x01, 0x00, 0x02, 'x',  0x02, 'a',  0x04, 'y',  'z'};
  RecordIterator records(bytes, 1);
  Record record;
  ASSERT_TRUE(*records.next(record));
  EXPECT_EQ(record.bytes.size(), bytes.size());
  EXPECT_EQ(record.timestamp_delta, -1000);
  EXPECT_EQ(record.offset_delta, 2);
  EXPECT_EQ(text(record.key), "null");
  EXPECT_EQ(text(record.value), "");
  std::vector<std::string> headers;
  for (const RecordHeader& header : record.headers)
    headers.push_back(std::string(header.key) + "=" + text(header.value));
  EXPECT_EQ(headers, (std::vector<std::string>{"a=null", "=x", "a=yz"}));
  EXPECT_FALSE(*records.next(record));
}

TEST(RecordIterator, NegativeLengthsOfKeysAndValuesAreNull) {
  const std::vector<uint8_t> bytes = {0x0c, 0, 0, 0, 0x03, 0x05, 0};
  RecordIterator records(bytes, 1);
  Record record;
  ASSERT_TRUE(*records.next(record));
  EXPECT_FALSE(record.key.has_value());
  EXPECT_FALSE(record.value.has_value());
}

TEST(RecordIterator, ReadsTheLargestDeltas) {
  const std::vector<uint8_t> bytes = {0x26, 0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0x01, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1,    1,    0};
  RecordIterator records(bytes, 1);
  Record record;
  ASSERT_TRUE(*records.next(record));
  EXPECT_EQ(record.timestamp_delta, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(record.offset_delta, std::numeric_limits<int32_t>::max());
}

TEST(RecordIterator, BytesBehindTheLastRecordAndMissingRecordsAreErrors) {
  const std::vector<uint8_t> two = {0x0c, 0, 0, 0, 1, 1, 0, 0x0c, 0, 0, 2, 1, 1, 0};
  Record record;
  RecordIterator fewer(two, 1);
  ASSERT_TRUE(*fewer.next(record));
  EXPECT_EQ(fewer.next(record).error().code, Errc::corrupt_data);
  RecordIterator more(two, 3);
  ASSERT_TRUE(*more.next(record));
  ASSERT_TRUE(*more.next(record));
  EXPECT_EQ(more.next(record).error().code, Errc::corrupt_data);
  RecordIterator right(two, 2);
  ASSERT_TRUE(*right.next(record));
  ASSERT_TRUE(*right.next(record));
  EXPECT_FALSE(*right.next(record));
  RecordIterator none({}, 0);
  EXPECT_FALSE(*none.next(record));
}

TEST(RecordIterator, EveryCutOfGoodRecordsIsAnError) {
  const std::vector<uint8_t> batch = testing::make_batch(3, 100);
  const ByteView records = BatchView::parse(batch)->records();
  for (size_t size = 0; size < records.size(); size++) {
    // An exact copy on the heap, so that a sanitizer sees any step behind the end.
    const std::vector<uint8_t> cut(records.begin(), records.begin() + static_cast<ptrdiff_t>(size));
    RecordIterator iterator(cut, 3);
    Record record;
    Result<bool> answer = true;
    while (answer && *answer) answer = iterator.next(record);
    EXPECT_FALSE(answer.has_value()) << size;
  }
}

TEST(BatchRecords, OpensWhateverTheCodec) {
  Decompressor decompressor;
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const std::vector<uint8_t> batch = testing::make_batch(50, 100, {.codec = codec});
    const Result<BatchRecords> records = BatchRecords::open(*BatchView::parse(batch), decompressor);
    ASSERT_TRUE(records.has_value()) << codec_name(codec);
    RecordIterator iterator = records->iterate();
    Record record;
    for (int i = 0; i < 50; i++) {
      ASSERT_TRUE(*iterator.next(record));
      EXPECT_EQ(text(record.key), "key-" + std::to_string(i));
      EXPECT_EQ(record.offset_delta, i);
    }
    EXPECT_FALSE(*iterator.next(record));
  }
}

TEST(BatchRecords, GarbageAndBombsAreErrors) {
  Decompressor decompressor;
  const std::vector<uint8_t> garbage(100, 0xa5);
  for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const std::vector<uint8_t> bad = testing::wrap_records(garbage, 1, {.codec = codec});
    EXPECT_EQ(BatchRecords::open(*BatchView::parse(bad), decompressor).error().code,
              Errc::corrupt_data);
    const std::vector<uint8_t> large = testing::make_batch(10, 100, {.codec = codec});
    EXPECT_EQ(BatchRecords::open(*BatchView::parse(large), decompressor, 500).error().code,
              Errc::limit_exceeded);
  }
  std::vector<uint8_t> unknown = testing::make_batch(1, 1);
  unknown[22] = 6;
  EXPECT_EQ(BatchRecords::open(*BatchView::parse(unknown), decompressor).error().code,
            Errc::corrupt_data);
}

}  // namespace
}  // namespace partita::records
