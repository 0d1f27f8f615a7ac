// Encoding, frames, old versions, error codes and metadata records.

#include <gtest/gtest.h>

#include "wire/coordinator/consumer_group_member_metadata.h"
#include "wire/error_code.h"
#include "wire/frame.h"
#include "wire/messages/api_versions.h"
#include "wire/messages/create_topics.h"
#include "wire/messages/describe_configs.h"
#include "wire/messages/fetch.h"
#include "wire/messages/list_offsets.h"
#include "wire/messages/metadata.h"
#include "wire/messages/offset_commit.h"
#include "wire/messages/offset_for_leader_epoch.h"
#include "wire/messages/produce.h"
#include "wire/metadata_record.h"
#include "wire/registry.h"

namespace partita::wire {
namespace {

std::vector<uint8_t> flatten(const ByteChain& chain) {
  std::vector<uint8_t> bytes;
  for (const Bytes& part : chain) bytes.insert(bytes.end(), part.view().begin(), part.view().end());
  return bytes;
}

std::string hex(const Result<ByteChain>& chain) {
  std::string text;
  if (!chain) return describe(chain.error());
  constexpr char kDigits[] = "0123456789abcdef";
  for (const uint8_t byte : flatten(*chain)) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

ProduceRequest produce_of(const Bytes& records) {
  ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = 1500;
  auto& topic = request.topic_data.emplace_back();
  topic.name = "t";
  topic.partition_data.push_back({.index = 3, .records = ByteChain{records}});
  topic.partition_data.push_back({.index = 4, .records = ByteChain{records, records}});
  return request;
}

TEST(Writer, large_records_are_sent_from_where_they_are) {
  Buffer memory(100'000);
  memory.resize(100'000);
  std::memset(memory.data(), 'r', memory.size());
  const Bytes records = std::move(memory).freeze();
  const auto chain = encode_request(produce_of(records), 9, 1, "me");
  ASSERT_TRUE(chain.has_value());
  size_t shared = 0;
  for (const Bytes& part : *chain) shared += part.data() == records.data() ? 1 : 0;
  EXPECT_EQ(shared, 3U);
  EXPECT_LE(chain->size(), 7U);

  const auto bytes = flatten(*chain);
  EXPECT_EQ(load_be<int32_t>(bytes.data()), static_cast<int32_t>(bytes.size() - 4));
  const auto frame = parse_request(ByteView(bytes).subspan(4));
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(frame->client_id, "me");
  const auto view = ProduceRequestView::decode(frame->body, frame->version);
  ASSERT_TRUE(view.has_value());
  std::vector<size_t> sizes;
  for (const auto& topic : view->topic_data) {
    EXPECT_EQ(topic.partition_data.size(), 2U);
    for (const auto& partition : topic.partition_data) sizes.push_back(partition.records->size());
  }
  EXPECT_EQ(sizes, (std::vector<size_t>{100'000, 200'000}));
}

TEST(Writer, materialised_payloads_can_be_slices_of_the_frame) {
  const auto chain = encode_body(produce_of(Bytes::copy_of(std::string(1000, 'x'))), 8);
  const Bytes frame = Bytes::copy_of(flatten(*chain));
  const auto view = ProduceRequestView::decode(frame.view(), 8);
  ASSERT_TRUE(view.has_value());
  const ProduceRequest owned = materialise(*view, frame);
  const Bytes& part = owned.topic_data[0].partition_data[0].records->front();
  EXPECT_GE(part.data(), frame.data());
  EXPECT_LE(part.data() + part.size(), frame.data() + frame.size());
  EXPECT_EQ(owned, materialise(*view));
}

TEST(Writer, sizes_of_long_tagged_values_are_moved_in) {
  // A tagged struct that holds a tagged-size-shifting payload, large enough to be spliced.
  ConsumerGroupMemberMetadataValue value;
  auto& protocols = value.classic_member_metadata->supported_protocols;
  protocols.push_back({.name = "range", .metadata = Bytes::copy_of(std::string(700, 'm'))});
  protocols.push_back({.name = "sticky", .metadata = Bytes::copy_of(std::string(20'000, 'n'))});
  const auto chain = encode_body(value, 0);
  ASSERT_TRUE(chain.has_value());
  EXPECT_GE(chain->size(), 4U);
  const auto bytes = flatten(*chain);
  const auto view = ConsumerGroupMemberMetadataValueView::decode(bytes, 0);
  ASSERT_TRUE(view.has_value()) << describe(view.error());
  EXPECT_EQ(materialise(*view), value);
}

TEST(Writer, a_field_that_the_version_lacks_is_an_error_unless_ignorable) {
  Writer writer;
  FetchRequest request;
  request.rack_id = "r";  // ignorable
  EXPECT_TRUE(request.encode(writer, 4).has_value());
  request.replica_state.replica_epoch = 5;  // tagged from 15
  EXPECT_EQ(request.encode(writer, 12).error().code, Errc::unsupported_version);
  Writer fresh;
  EXPECT_TRUE(request.encode(fresh, 15).has_value());
  FetchRequest plain;
  plain.topics.emplace_back().partitions.push_back({.last_fetched_epoch = 3});
  Writer last;
  const auto lacking = plain.encode(last, 11);
  EXPECT_EQ(lacking.error().detail, "FetchPartition.last_fetched_epoch");
}

TEST(Writer, null_where_the_version_forbids_it_is_an_error) {
  MetadataRequest request;
  request.topics.reset();
  EXPECT_EQ(hex(encode_body(request, 1)), "ffffffff");
  EXPECT_EQ(encode_body(request, 0).error().code, Errc::invalid_argument);
}

TEST(Writer, a_version_without_schema_is_an_error) {
  EXPECT_EQ(encode_body(ProduceRequest(), 2).error().code, Errc::unsupported_version);
  EXPECT_EQ(encode_body(ProduceRequest(), 14).error().code, Errc::unsupported_version);
  EXPECT_EQ(ProduceRequestView::decode({}, 2).error().code, Errc::unsupported_version);
}

TEST(Versions, of_old_clients_have_their_bytes) {
  CreateTopicsRequest create;
  create.topics.push_back({.name = "t", .num_partitions = 1, .replication_factor = 2});
  create.timeout_ms = 16;
  EXPECT_EQ(hex(encode_body(create, 0)), "00000001000174000000010002000000000000000000000010");
  EXPECT_EQ(hex(encode_body(create, 1)), "0000000100017400000001000200000000000000000000001000");
  ListOffsetsResponse offsets;
  auto& partition = offsets.topics.emplace_back().partitions.emplace_back();
  partition.old_style_offsets = {7, 0};
  EXPECT_EQ(hex(encode_body(offsets, 0)),
            "0000000100000000000100000000000000000002"
            "00000000000000070000000000000000");
  const std::vector<uint8_t> list = {255, 255, 255, 255, 0,   0, 0, 1, 0,   1,   't',
                                     0,   0,   0,   1,   0,   0, 0, 0, 255, 255, 255,
                                     255, 255, 255, 255, 255, 0, 0, 0, 5};
  const auto old_list = ListOffsetsRequestView::decode(list, 0);
  ASSERT_TRUE(old_list.has_value());
  EXPECT_EQ(old_list->topics.front().partitions.front().max_num_offsets, 5);
  OffsetCommitRequest commit;
  commit.topics.emplace_back().partitions.push_back({.committed_offset = 1, .commit_timestamp = 2});
  EXPECT_TRUE(encode_body(commit, 1).has_value());
  EXPECT_FALSE(encode_body(commit, 2).has_value());
  EXPECT_TRUE(encode_body(OffsetForLeaderEpochRequest(), 0).has_value());
  DescribeConfigsResponse configs;
  configs.results.emplace_back().configs.push_back({.name = "a", .is_default = true});
  EXPECT_TRUE(encode_body(configs, 0).has_value());
}

TEST(Api, table_agrees_with_kafka) {
  EXPECT_EQ(all_apis().size(), 89U);
  EXPECT_EQ(api_name(ApiKey::produce), "Produce");
  EXPECT_EQ(api_info(ApiKey::fetch).versions.first, 4);
  EXPECT_EQ(api_info(ApiKey::fetch).versions.last, 18);
  EXPECT_EQ(api_info(ApiKey::init_producer_id).last_stable, 5);
  EXPECT_TRUE(api_info(ApiKey::vote).on_controller);
  EXPECT_FALSE(api_info(ApiKey::vote).on_broker);
  EXPECT_EQ(find_api(9999), nullptr);
  EXPECT_EQ(find_api(-1), nullptr);
  EXPECT_EQ(find_api(4), nullptr);
  EXPECT_EQ(request_header_version(ApiKey::produce, 8), 1);
  EXPECT_EQ(request_header_version(ApiKey::produce, 9), 2);
  EXPECT_EQ(response_header_version(ApiKey::produce, 9), 1);
  EXPECT_EQ(response_header_version(ApiKey::api_versions, 4), 0);
  EXPECT_EQ(request_header_version(ApiKey::sasl_handshake, 1), 1);
}

TEST(Frame, requests_that_nobody_knows) {
  const auto frame_of = [](int16_t key, int16_t version) {
    Writer writer;
    writer.int16(key);
    writer.int16(version);
    writer.int32(-77);
    writer.raw(std::vector<uint8_t>(10, 0xff));
    return flatten(*std::move(writer).finish());
  };
  EXPECT_EQ(parse_request(frame_of(9999, 0)).error().code, Errc::unsupported_version);
  EXPECT_EQ(parse_request(frame_of(3, 99)).error().code, Errc::unsupported_version);
  const auto versions = parse_request(frame_of(18, 99));
  ASSERT_TRUE(versions.has_value());
  EXPECT_EQ(versions->correlation_id, -77);
  EXPECT_TRUE(versions->body.empty());
}

TEST(Frame, responses_round_trip) {
  ApiVersionsResponse response;
  response.api_keys.push_back({.api_key = 18, .min_version = 0, .max_version = 4});
  response.finalized_features_epoch = 9;
  for (const int16_t version : {0, 1, 2, 3, 4}) {
    const auto bytes = flatten(*encode_response(response, version, 42));
    const auto frame = parse_response(ByteView(bytes).subspan(4), ApiKey::api_versions, version);
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(frame->correlation_id, 42);
    const auto view = ApiVersionsResponseView::decode(frame->body, version);
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->api_keys.front().max_version, 4);
    EXPECT_EQ(view->finalized_features_epoch, version >= 3 ? 9 : -1);
  }
}

TEST(ErrorCode, both_ways) {
  int known = 0;
  for (int16_t code = -1; code < 200; code++) {
    const auto errc = errc_of(code);
    if (!errc || (*errc == Errc::unknown_server_error && code != -1)) continue;
    EXPECT_EQ(error_code(*errc), code);
    EXPECT_EQ(error_name(code), errc_name(*errc));
    known++;
  }
  EXPECT_EQ(known, 134);
  EXPECT_FALSE(errc_of(0).has_value());
  EXPECT_EQ(error_name(0), "NONE");
  EXPECT_EQ(error_code(Errc::topic_already_exists), 36);
  EXPECT_EQ(error_code(Errc::share_session_limit_reached), 133);
  EXPECT_TRUE(is_retriable(error_code(Errc::not_leader_or_follower)));
  EXPECT_FALSE(is_retriable(error_code(Errc::topic_already_exists)));
  EXPECT_EQ(error_code(Errc::io_error), error_code(Errc::kafka_storage_error));
  EXPECT_EQ(error_code(Errc::malformed), 42);
  EXPECT_EQ(error_code(Result<int>(1)), kNoError);
  for (int errc = 0; errc <= static_cast<int>(Errc::invalid_argument); errc++) {
    EXPECT_NE(error_code(static_cast<Errc>(errc)), kNoError);
  }
}

TEST(MetadataRecords, frame_and_variant) {
  TopicRecord topic;
  topic.name = "orders";
  topic.topic_id = kMetadataTopicId;
  const auto chain = encode_metadata_record(topic, 0);
  ASSERT_TRUE(chain.has_value());
  const auto bytes = flatten(*chain);
  EXPECT_EQ(bytes[0], 1);
  EXPECT_EQ(bytes[1], 2);
  const auto record = decode_metadata_record(bytes);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(std::get<TopicRecord>(*record), topic);
  const auto frame = parse_metadata_frame(bytes);
  EXPECT_EQ(decode_to_json(*find_metadata_record(frame->key), frame->body, frame->version),
            R"({"name":"orders","topicId":"AAAAAAAAAAAAAAAAAAAAAQ"})");
  EXPECT_EQ(decode_metadata_record(std::vector<uint8_t>{1, 99, 0}).error().code,
            Errc::unsupported_version);
  EXPECT_EQ(decode_metadata_record(std::vector<uint8_t>{2, 2, 0}).error().code, Errc::malformed);
  EXPECT_EQ(decode_metadata_record(std::vector<uint8_t>{}).error().code, Errc::malformed);
  PartitionChangeRecord change;
  change.partition_id = 3;
  change.isr = {1, 2};
  change.leader = 2;
  const auto again = decode_metadata_record(flatten(*encode_metadata(change, 2)));
  EXPECT_EQ(std::get<PartitionChangeRecord>(*again), change);
}

}  // namespace
}  // namespace partita::wire
