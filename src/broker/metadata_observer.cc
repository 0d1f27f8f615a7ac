#include "broker/metadata_observer.h"

#include "wire/error_code.h"

namespace partita::broker {
namespace {

constexpr const char* kMetadataTopic = "__cluster_metadata";
constexpr int32_t kMaxWaitMs = 5000;
constexpr int32_t kMaxBytes = 8 << 20;
constexpr Duration kRetryAfter = 100ms;
/// A snapshot is kept in memory while it is loaded.
constexpr size_t kSnapshotBytesMax = size_t{1} << 30;

bool is_retriable(const Error& error) {
  return error.code != Errc::stopped && error.code != Errc::corrupt_data;
}

Bytes joined(const ByteChain& chain) {
  if (chain.size() == 1) return chain.front();
  Buffer buffer(chain_size(chain));
  for (const Bytes& part : chain) buffer.append(part.view());
  return std::move(buffer).freeze();
}

}  // namespace

MetadataObserver::MetadataObserver(Scope& scope, metadata::ControllerChannel& channel,
                                   ImageListener& listener, NodeId self, Log log)
    : scope_(scope),
      channel_(channel),
      listener_(listener),
      self_(self),
      log_(log),
      replay_(metadata::Image::empty()) {}

Task<Result<>> MetadataObserver::follow() {
  while (!scope_.closed()) {
    const Result<> fetched = co_await fetch_once();
    if (fetched) continue;
    if (!is_retriable(fetched.error())) co_return fetched;
    log_.debug("metadata fetch: {}", describe(fetched.error()));
    CO_CHECKED(co_await sleep_for(scope_, kRetryAfter));
  }
  co_return fail(Errc::stopped);
}

Task<Result<>> MetadataObserver::wait_until(Offset end, Deadline deadline) {
  while (published_end_ < end) CO_CHECKED(co_await published_.wait(scope_, deadline));
  co_return Result<>();
}

Task<Result<>> MetadataObserver::fetch_once() {
  wire::FetchRequest request;
  request.replica_state.replica_id = self_.value();
  request.max_wait_ms = kMaxWaitMs;
  request.max_bytes = kMaxBytes;
  auto& topic = request.topics.emplace_back();
  topic.topic = kMetadataTopic;
  topic.topic_id = kMetadataTopicId;
  auto& asked = topic.partitions.emplace_back();
  asked.fetch_offset = replay_.next_offset().value();
  asked.last_fetched_epoch = last_epoch_.value();
  asked.partition_max_bytes = kMaxBytes;
  CO_TRY(const wire::FetchResponse response, co_await channel_.fetch(std::move(request)));
  if (const auto error = wire::errc_of(response.error_code)) co_return fail(*error);
  if (response.responses.empty() || response.responses[0].partitions.empty()) {
    co_return fail(Errc::malformed, "an answer without the partition");
  }
  const auto& partition = response.responses[0].partitions[0];
  if (const auto error = wire::errc_of(partition.error_code)) co_return fail(*error);
  if (partition.snapshot_id.end_offset >= 0) {
    CO_CHECKED(co_await load_snapshot(Offset(partition.snapshot_id.end_offset),
                                      LeaderEpoch(partition.snapshot_id.epoch)));
  } else if (partition.diverging_epoch.end_offset >= 0) {
    co_return fail(Errc::corrupt_data, "the metadata log diverges from what is committed");
  } else {
    CO_CHECKED(add_records(partition));
  }
  co_return co_await publish();
}

Result<> MetadataObserver::add_records(const wire::FetchResponse::PartitionData& partition) {
  if (!partition.records) return {};
  const Bytes bytes = joined(*partition.records);
  records::BatchIterator batches(bytes.view());
  while (true) {
    TRY(const auto batch, batches.next());
    if (!batch || batch->next_offset() > Offset(partition.high_watermark)) return {};
    if (batch->next_offset() <= replay_.next_offset()) continue;
    CHECKED(batch->verify());
    CHECKED(replay_.add(*batch));
    last_epoch_ = batch->partition_leader_epoch();
  }
}

Task<Result<>> MetadataObserver::load_snapshot(Offset end_offset, LeaderEpoch epoch) {
  Buffer file;
  while (true) {
    wire::FetchSnapshotRequest request;
    request.replica_id = self_.value();
    request.max_bytes = kMaxBytes;
    auto& topic = request.topics.emplace_back();
    topic.name = kMetadataTopic;
    auto& asked = topic.partitions.emplace_back();
    asked.snapshot_id.end_offset = end_offset.value();
    asked.snapshot_id.epoch = epoch.value();
    asked.position = static_cast<int64_t>(file.size());
    CO_TRY(const auto response, co_await channel_.fetch_snapshot(std::move(request)));
    if (const auto error = wire::errc_of(response.error_code)) co_return fail(*error);
    if (response.topics.empty() || response.topics[0].partitions.empty()) {
      co_return fail(Errc::malformed, "an answer without the partition");
    }
    const auto& part = response.topics[0].partitions[0];
    if (const auto error = wire::errc_of(part.error_code)) co_return fail(*error);
    const auto size = static_cast<size_t>(part.size);
    if (part.size < 0 || size > kSnapshotBytesMax) co_return fail(Errc::limit_exceeded);
    const size_t before = file.size();
    for (const Bytes& bytes : part.unaligned_records) file.append(bytes.view());
    if (file.size() >= size) break;
    if (file.size() == before) co_return fail(Errc::malformed, "an empty part of a snapshot");
  }
  last_epoch_ = epoch;
  co_return replay_.load_snapshot(file.view(), end_offset, epoch);
}

Task<Result<>> MetadataObserver::publish() {
  CO_TRY(const auto finished, replay_.take_finished());
  for (const metadata::Delta::Finished& step : finished) {
    co_await listener_.image_changed(step.image, step.changes);
    published_end_ = step.image->end_offset();
    published_.wake_all();
  }
  co_return Result<>();
}

}  // namespace partita::broker
