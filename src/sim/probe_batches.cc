#include "sim/probe_batches.h"

#include "base/check.h"
#include "records/batch_builder.h"
#include "wire/error_code.h"

namespace partita::sim {
namespace {

records::BatchBuilder builder_of(const NewBatch& batch) {
  return records::BatchBuilder({.producer_id = ProducerId(batch.producer_id),
                                .producer_epoch = ProducerEpoch(batch.epoch),
                                .base_sequence = batch.sequence,
                                .max_timestamp = batch.lied_max_timestamp});
}

Bytes built(records::BatchBuilder& builder) {
  auto batch = builder.build();
  CHECK(batch.has_value());
  return *std::move(batch);
}

}  // namespace

Bytes make_batch(const NewBatch& batch) {
  records::BatchBuilder builder = builder_of(batch);
  builder.append({.value = as_bytes("a probe"), .timestamp = batch.timestamp});
  return built(builder);
}

Bytes make_gap_batch(const NewBatch& batch) {
  records::BatchBuilder builder = builder_of(batch);
  builder.append_at(0, {.value = as_bytes("a probe"), .timestamp = batch.timestamp});
  builder.append_at(2, {.value = as_bytes("a gap"), .timestamp = batch.timestamp});
  // The header claims what the count of records makes likely.
  builder.options().last_offset_delta = 1;
  return built(builder);
}

Bytes with_flipped_bit(const Bytes& batch) {
  Buffer changed(batch.size());
  changed.append(batch.view());
  changed.data()[batch.size() - 3] ^= 4;
  return std::move(changed).freeze();
}

wire::ProduceRequest produce_request(Bytes batch, int32_t partition) {
  wire::ProduceRequest request{.acks = -1, .timeout_ms = 5'000};
  auto& topic = request.topic_data.emplace_back();
  topic.name = kProbeTopic;
  auto& data = topic.partition_data.emplace_back();
  data.index = partition;
  data.records = ByteChain{std::move(batch)};
  return request;
}

Result<ProduceAnswer> read_produce_answer(ByteView body) {
  TRY(const auto response, wire::ProduceResponseView::decode(body, kProduceVersion));
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partition_responses) {
      const auto error = wire::errc_of(partition.error_code);
      if (error == Errc::unknown_topic_or_partition || error == Errc::leader_not_available ||
          error == Errc::not_leader_or_follower || error == Errc::request_timed_out ||
          error == Errc::kafka_storage_error || error == Errc::no_space) {
        return fail(*error, "a produce request");
      }
      return ProduceAnswer{.code = partition.error_code, .offset = Offset(partition.base_offset)};
    }
  }
  return fail(Errc::malformed, "a produce response without a partition");
}

wire::FetchRequest fetch_request(int32_t session, int32_t epoch, std::vector<int32_t> partitions,
                                 std::vector<int32_t> forgotten) {
  wire::FetchRequest request;
  request.session_id = session;
  request.session_epoch = epoch;
  request.max_bytes = 1 << 20;
  if (!partitions.empty()) {
    auto& topic = request.topics.emplace_back();
    topic.topic = kProbeTopic;
    for (const int32_t partition : partitions) {
      topic.partitions.push_back({.partition = partition, .partition_max_bytes = 1'000});
    }
  }
  if (!forgotten.empty()) {
    auto& topic = request.forgotten_topics_data.emplace_back();
    topic.topic = kProbeTopic;
    topic.partitions = std::move(forgotten);
  }
  return request;
}

}  // namespace partita::sim
