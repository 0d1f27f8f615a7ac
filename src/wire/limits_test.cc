// Bytes that are no legal message: each is refused with an Error, and costs no memory worth the
// name.

#include <gtest/gtest.h>

#include "base/allocation_counter.h"
#include "base/fault_points.h"
#include "base/varint.h"
#include "wire/frame.h"
#include "wire/messages/create_topics.h"
#include "wire/messages/fetch.h"
#include "wire/messages/metadata.h"
#include "wire/messages/produce.h"
#include "wire/walk.h"

namespace partita::wire {
namespace {

constexpr uint64_t kFixedBudget = 64 * 1024;

/// Bytes written by hand.
class Raw {
 public:
  Raw& int8(int8_t v) { return put(v); }
  Raw& int16(int16_t v) { return put(v); }
  Raw& int32(int32_t v) { return put(v); }
  Raw& int64(int64_t v) { return put(v); }
  Raw& uvarint(uint32_t v) {
    uint8_t text[kVarint32BytesMax];
    const size_t count = put_uvarint(text, v);
    bytes.insert(bytes.end(), text, text + count);
    return *this;
  }
  Raw& text(std::string_view v) {
    bytes.insert(bytes.end(), v.begin(), v.end());
    return *this;
  }
  Raw& zeros(size_t count) {
    bytes.insert(bytes.end(), count, 0);
    return *this;
  }

  std::vector<uint8_t> bytes;

 private:
  template <class T>
  Raw& put(T value) {
    uint8_t text[sizeof(T)];
    store_be(text, value);
    bytes.insert(bytes.end(), text, text + sizeof(T));
    return *this;
  }
};

/// Both ways to read the bytes must refuse them, within the memory bound.
template <class View>
void expect_malformed(const Raw& raw, int16_t version) {
  Errc decoded = {};
  Errc checked = {};
  const uint64_t taken = bytes_taken([&] {
    const auto view = View::decode(raw.bytes, version);
    const auto size = check_message(View::descriptor(), raw.bytes, version);
    ASSERT_FALSE(view.has_value());
    ASSERT_FALSE(size.has_value());
    decoded = view.error().code;
    checked = size.error().code;
  });
  EXPECT_EQ(decoded, Errc::malformed);
  EXPECT_EQ(checked, Errc::malformed);
  EXPECT_LE(taken, kFixedBudget);
}

/// A flexible MetadataRequest up to its tagged section.
Raw metadata_v12() {
  return Raw().uvarint(1).int8(1).int8(0);
}

TEST(Limits, header_shorter_than_8_bytes) {
  const Raw raw = Raw().int16(3).int16(12).int16(0);
  EXPECT_EQ(parse_request(raw.bytes).error().code, Errc::malformed);
}

TEST(Limits, client_id_beyond_the_frame) {
  const Raw raw = Raw().int16(3).int16(12).int32(1).int16(500).text("short");
  EXPECT_EQ(parse_request(raw.bytes).error().code, Errc::malformed);
}

TEST(Limits, null_where_the_version_forbids_it) {
  // MetadataRequest 0 has no null array of topics, 1 has.
  expect_malformed<MetadataRequestView>(Raw().int32(-1), 0);
  EXPECT_TRUE(MetadataRequestView::decode(Raw().int32(-1).bytes, 1).has_value());
  // A topic's name: int16 -1, and compact 0.
  expect_malformed<MetadataRequestView>(Raw().int32(1).int16(-1), 1);
  expect_malformed<MetadataRequestView>(Raw().uvarint(2).uvarint(0).uvarint(0).int8(1).int8(0), 9);
}

TEST(Limits, array_count_beyond_the_frame) {
  expect_malformed<MetadataRequestView>(Raw().int32(0x7fffffff).zeros(10), 0);
  expect_malformed<MetadataRequestView>(Raw().uvarint(0xffffffff).zeros(10), 12);
  // Ten thousand topics of at least 6 bytes do not fit into 10,000 bytes.
  expect_malformed<CreateTopicsRequestView>(Raw().int32(10'000).zeros(10'000), 2);
  expect_malformed<ProduceRequestView>(
      Raw().int16(-1).int16(1).int32(1000).int32(40'000'000).zeros(1 << 20), 3);
}

TEST(Limits, unknown_tags_are_skipped_up_to_a_bound) {
  const auto with_tags = [](uint32_t count) {
    Raw raw = metadata_v12().uvarint(count);
    for (uint32_t tag = 100; tag < 100 + count; tag++) raw.uvarint(tag).uvarint(2).int16(7);
    return raw;
  };
  const auto view = MetadataRequestView::decode(with_tags(kUnknownTagsMax).bytes, 12);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->trailing_bytes, 0U);
  expect_malformed<MetadataRequestView>(with_tags(kUnknownTagsMax + 1), 12);
}

TEST(Limits, tags_rise_strictly) {
  Raw good = metadata_v12().uvarint(2).uvarint(5).uvarint(0).uvarint(6).uvarint(0);
  EXPECT_TRUE(MetadataRequestView::decode(good.bytes, 12).has_value());
  expect_malformed<MetadataRequestView>(
      metadata_v12().uvarint(2).uvarint(6).uvarint(0).uvarint(5).uvarint(0), 12);
  expect_malformed<MetadataRequestView>(
      metadata_v12().uvarint(2).uvarint(5).uvarint(0).uvarint(5).uvarint(0), 12);
}

/// A FetchRequest of version 15 whose tag 1, ReplicaState, takes 13 bytes and is announced with
/// `size`.
Raw fetch_with_replica_state(uint32_t size) {
  Raw raw = Raw().int32(500).int32(1).int32(1).int8(0).int32(0).int32(0);
  raw.uvarint(1).uvarint(1).uvarint(1);
  return raw.uvarint(1).uvarint(1).uvarint(size).int32(7).int64(9).uvarint(0).zeros(size - 12);
}

TEST(Limits, tag_sizes_are_exact) {
  expect_malformed<MetadataRequestView>(metadata_v12().uvarint(1).uvarint(5).uvarint(9).zeros(2),
                                        12);
  const Raw exact = fetch_with_replica_state(13);
  const auto view = FetchRequestView::decode(exact.bytes, 15);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->replica_state.replica_id, 7);
  expect_malformed<FetchRequestView>(fetch_with_replica_state(12), 15);
  expect_malformed<FetchRequestView>(fetch_with_replica_state(14), 15);
}

TEST(Limits, varints_end_after_5_bytes) {
  const Raw longest = Raw().text("\xff\xff\xff\xff\xff\x01");
  expect_malformed<MetadataRequestView>(longest, 12);
  expect_malformed<MetadataRequestView>(Raw().text("\x80\x80\x80\x80\x10"), 12);
}

TEST(Limits, strings_end_at_32767_bytes) {
  Raw raw = Raw().uvarint(2).zeros(16).uvarint(0x7fff + 2);
  raw.zeros(0x8000).uvarint(0).int8(1).int8(0).uvarint(0);
  expect_malformed<MetadataRequestView>(raw, 12);
  Writer writer;
  MetadataRequest request;
  request.topics.emplace().push_back({.topic_id = {}, .name = std::string(0x8000, 'x')});
  EXPECT_EQ(request.encode(writer, 12).error().code, Errc::invalid_argument);
}

TEST(Limits, bytes_behind_the_message_are_counted) {
  const Raw raw = metadata_v12().uvarint(0).text("behind");
  const auto view = MetadataRequestView::decode(raw.bytes, 12);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->trailing_bytes, 6U);
  EXPECT_EQ(view->body.size(), raw.bytes.size() - 6);
}

TEST(Limits, strings_that_are_no_utf8_decode_and_show_as_replaced) {
  Raw raw = Raw().int32(1).int16(3).text("a\xff\x80");
  const auto view = MetadataRequestView::decode(raw.bytes, 0);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->topics->front().name, "a\xff\x80");
  EXPECT_EQ(to_json(*view), "{\"topics\":[{\"name\":\"a\xef\xbf\xbd\xef\xbf\xbd\"}]}");
}

TEST(Limits, decoding_and_iterating_take_no_memory) {
  Raw raw = Raw().int16(-1).int16(1).int32(1000).int32(1000);
  for (int topic = 0; topic < 1000; topic++) {
    raw.int16(3).text("abc").int32(2);
    for (int partition = 0; partition < 2; partition++) raw.int32(partition).int32(4).text("data");
  }
  int64_t sum = 0;
  const uint64_t taken = bytes_taken([&] {
    const auto view = ProduceRequestView::decode(raw.bytes, 8);
    ASSERT_TRUE(view.has_value());
    for (const auto& topic : view->topic_data) {
      for (const auto& partition : topic.partition_data) sum += partition.index;
    }
  });
  EXPECT_EQ(sum, 1000);
  EXPECT_EQ(taken, 0U);
  // The counter counts.
  const auto view = ProduceRequestView::decode(raw.bytes, 8);
  EXPECT_GT(bytes_taken([&] { materialise(*view); }), raw.bytes.size());
}

#if PARTITA_FAULTS
// Each planted fault is noticed by one of the tests above; here they are shown to bite.
TEST(Limits, mutants_are_visible) {
  const auto accepts = []<class View = MetadataRequestView>(std::string_view mutant_name,
                                                            const Raw& raw, int16_t version,
                                                            View = {}) {
    faults::set_mutant(mutant_name);
    const bool accepted = View::decode(raw.bytes, version).has_value();
    faults::set_mutant("");
    return accepted;
  };
  const Raw falling = metadata_v12().uvarint(2).uvarint(6).uvarint(0).uvarint(5).uvarint(0);
  EXPECT_TRUE(accepts("wire.accept_tag_order", falling, 12));
  Raw many = metadata_v12().uvarint(kUnknownTagsMax + 1);
  for (uint32_t tag = 0; tag <= kUnknownTagsMax; tag++) many.uvarint(tag).uvarint(0);
  EXPECT_TRUE(accepts("wire.unknown_tags_unbounded", many, 12));
  EXPECT_TRUE(
      accepts("wire.accept_tag_size", fetch_with_replica_state(14), 15, FetchRequestView()));
}
#endif

}  // namespace
}  // namespace partita::wire
