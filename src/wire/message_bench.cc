// Decoding and encoding on the hot path, with heap allocations an operation beside the time.

#include <benchmark/benchmark.h>

#include "base/operation_cost.h"
#include "wire/frame.h"
#include "wire/messages/api_versions.h"
#include "wire/messages/fetch.h"
#include "wire/messages/metadata.h"
#include "wire/messages/produce.h"

namespace partita::wire {
namespace {

Bytes payload(size_t size) {
  return Bytes::copy_of(std::string(size, 'r'));
}

ProduceRequest produce_request(int64_t partitions) {
  ProduceRequest request;
  auto& topic = request.topic_data.emplace_back();
  topic.name = "a-topic-of-usual-length";
  for (int32_t i = 0; i < partitions; i++) {
    topic.partition_data.push_back({.index = i, .records = ByteChain{payload(1024)}});
  }
  return request;
}

FetchRequest fetch_request(int64_t partitions) {
  FetchRequest request;
  auto& topic = request.topics.emplace_back();
  for (int32_t i = 0; i < partitions; i++) {
    topic.partitions.push_back({.partition = i, .fetch_offset = i});
  }
  return request;
}

std::vector<uint8_t> flatten(const ByteChain& chain) {
  std::vector<uint8_t> bytes;
  for (const Bytes& part : chain) bytes.insert(bytes.end(), part.view().begin(), part.view().end());
  return bytes;
}

/// Runs `f` in the loop and reports what an operation costs.
template <class F>
void measure(std::string name, benchmark::State& state, F f) {
  const OperationCost cost(std::move(name), state);
  for (auto _ : state) f();
}

void decode_produce(benchmark::State& state) {
  const auto frame = flatten(*encode_request(produce_request(state.range(0)), 9, 7, "client"));
  measure("decode_produce/" + std::to_string(state.range(0)), state, [&] {
    const auto request = parse_request(ByteView(frame).subspan(4));
    const auto view = ProduceRequestView::decode(request->body, request->version);
    for (const auto& topic : view->topic_data) {
      for (const auto& partition : topic.partition_data) benchmark::DoNotOptimize(&partition);
    }
  });
}
BENCHMARK(decode_produce)->Arg(1)->Arg(100);

void decode_fetch(benchmark::State& state) {
  const auto body = flatten(*encode_body(fetch_request(state.range(0)), 17));
  measure("decode_fetch/" + std::to_string(state.range(0)), state, [&] {
    const auto view = FetchRequestView::decode(body, 17);
    for (const auto& topic : view->topics) {
      for (const auto& partition : topic.partitions) benchmark::DoNotOptimize(&partition);
    }
  });
}
BENCHMARK(decode_fetch)->Arg(1)->Arg(100);

void encode_produce_response(benchmark::State& state) {
  measure("encode_produce_response/" + std::to_string(state.range(0)), state, [&] {
    ProduceResponse response;
    auto& topic = response.responses.emplace_back();
    topic.name = "a-topic-of-usual-length";
    topic.partition_responses.resize(static_cast<size_t>(state.range(0)));
    benchmark::DoNotOptimize(encode_response(response, 9, 7));
  });
}
BENCHMARK(encode_produce_response)->Arg(1)->Arg(100);

void encode_fetch_response(benchmark::State& state) {
  const Bytes records = payload(64 * 1024);
  measure("encode_fetch_response/" + std::to_string(state.range(0)), state, [&] {
    FetchResponse response;
    auto& topic = response.responses.emplace_back();
    for (int32_t i = 0; i < state.range(0); i++) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = i;
      partition.records.emplace().push_back(records);
    }
    benchmark::DoNotOptimize(encode_response(response, 17, 7));
  });
}
BENCHMARK(encode_fetch_response)->Arg(1)->Arg(100);

MetadataResponse metadata_response(int64_t topics) {
  MetadataResponse response;
  response.brokers.push_back({.node_id = 1, .host = "localhost", .port = 9092});
  for (int64_t i = 0; i < topics; i++) {
    auto& topic = response.topics.emplace_back();
    topic.name = "topic-" + std::to_string(i);
    for (int32_t p = 0; p < 10; p++) {
      topic.partitions.push_back(
          {.partition_index = p, .leader_id = 1, .replica_nodes = {1}, .isr_nodes = {1}});
    }
  }
  return response;
}

void encode_metadata_response(benchmark::State& state) {
  const MetadataResponse response = metadata_response(state.range(0));
  measure("encode_metadata_response/" + std::to_string(state.range(0)), state,
          [&] { benchmark::DoNotOptimize(encode_response(response, 12, 7)); });
}
BENCHMARK(encode_metadata_response)->Arg(1)->Arg(100);

void decode_metadata_response(benchmark::State& state) {
  const auto body = flatten(*encode_body(metadata_response(state.range(0)), 12));
  measure("decode_metadata_response/" + std::to_string(state.range(0)), state,
          [&] { benchmark::DoNotOptimize(MetadataResponseView::decode(body, 12)); });
}
BENCHMARK(decode_metadata_response)->Arg(1)->Arg(100);

void encode_api_versions_response(benchmark::State& state) {
  ApiVersionsResponse response;
  for (const ApiInfo& api : all_apis()) {
    response.api_keys.push_back({.api_key = static_cast<int16_t>(api.key),
                                 .min_version = api.versions.first,
                                 .max_version = api.versions.last});
  }
  measure("encode_api_versions_response", state,
          [&] { benchmark::DoNotOptimize(encode_response(response, 4, 7)); });
}
BENCHMARK(encode_api_versions_response);

void decode_api_versions_request(benchmark::State& state) {
  ApiVersionsRequest request;
  request.client_software_name = "librdkafka";
  request.client_software_version = "2.3.0";
  const auto frame = flatten(*encode_request(request, 3, 1, "rdkafka"));
  measure("decode_api_versions_request", state, [&] {
    const auto parsed = parse_request(ByteView(frame).subspan(4));
    benchmark::DoNotOptimize(ApiVersionsRequestView::decode(parsed->body, 3));
  });
}
BENCHMARK(decode_api_versions_request);

}  // namespace
}  // namespace partita::wire
