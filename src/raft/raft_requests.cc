// What RaftNode answers to those who read the metadata log: Fetch, FetchSnapshot, DescribeQuorum.

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "raft/raft_node.h"
#include "wire/error_code.h"

namespace partita::raft {

namespace {

constexpr Duration kMaxWait = 5s;
constexpr size_t kFetchBytesMax = size_t{8} << 20;
constexpr size_t kSnapshotPartMax = size_t{4} << 20;

int16_t code_of(const std::optional<Errc>& error) {
  return error ? wire::error_code(*error) : wire::kNoError;
}

wire::FetchResponse refused(Errc code) {
  wire::FetchResponse response;
  response.error_code = wire::error_code(code);
  return response;
}

wire::FetchSnapshotResponse refused_snapshot(Errc code) {
  wire::FetchSnapshotResponse response;
  response.error_code = wire::error_code(code);
  return response;
}

/// The one partition that a request of the quorum may name (CVE-2026-83525: never assume that it is
/// there).
template <class Topics>
auto* only_partition(Topics& topics) {
  using Partition = std::remove_reference_t<decltype(topics.front().partitions.front())>;
  if (topics.size() != 1 || topics.front().partitions.size() != 1)
    return static_cast<Partition*>(nullptr);
  return &topics.front().partitions.front();
}

bool is_metadata(const wire::FetchRequest::FetchTopic& topic) {
  return topic.topic_id == kMetadataTopicId ||
         (topic.topic_id.is_zero() && topic.topic == kMetadataTopic);
}

}  // namespace

bool RaftNode::is_own_cluster(const std::optional<std::string>& cluster_id) const {
  return !cluster_id || *cluster_id == options_.cluster_id;
}

Task<Result<RaftNode::Response>> RaftNode::ask(Request request) {
  if (failure_) co_return std::unexpected(*failure_);
  if (closed_) co_return fail(Errc::stopped);
  Completion<Result<Response>> done(shard_.executor());
  const uint64_t id = next_request_++;
  waiting_.push_back({id, &done});
  dispatch(Incoming{id, std::move(request)});
  co_return co_await done;
}

// --- Fetch ---

Task<Result<wire::FetchResponse>> RaftNode::fetch(wire::FetchRequest request) {
  if (!is_own_cluster(request.cluster_id)) co_return refused(Errc::inconsistent_cluster_id);
  const auto* asked = only_partition(request.topics);
  if (asked == nullptr || asked->partition != 0 || !is_metadata(request.topics.front()) ||
      request.max_wait_ms < 0) {
    co_return refused(Errc::invalid_request);
  }
  const int32_t replica =
      request.replica_state.replica_id >= 0 ? request.replica_state.replica_id : request.replica_id;
  const FetchRequest wanted{{NodeId(replica), asked->replica_directory_id},
                            LeaderEpoch(asked->current_leader_epoch),
                            Offset(asked->fetch_offset),
                            LeaderEpoch(asked->last_fetched_epoch)};
  const Deadline deadline =
      shard_.now() + std::min<Duration>(from_ms(request.max_wait_ms), kMaxWait);
  FetchResponse told;
  while (true) {
    CO_TRY(auto response, co_await ask(wanted));
    told = std::get<FetchResponse>(std::move(response));
    if (told.standing.error || told.diverging || told.snapshot) break;
    if (told.read_end > wanted.fetch_offset || shard_.now() >= deadline) break;
    CO_CHECKED(co_await wait_change(deadline));
  }
  Bytes records;
  if (!told.standing.error && !told.diverging && !told.snapshot &&
      told.read_end > wanted.fetch_offset) {
    const auto bytes_max = std::clamp<int64_t>(
        std::min(asked->partition_max_bytes, request.max_bytes), 1, kFetchBytesMax);
    CO_TRY(const auto read,
           co_await log_->read(wanted.fetch_offset, static_cast<size_t>(bytes_max), told.read_end));
    Buffer all(chain_size(read.bytes));
    for (const Bytes& part : read.bytes) all.append(part.view());
    records = std::move(all).freeze();
  }
  wire::FetchResponse response;
  auto& topic = response.responses.emplace_back();
  topic.topic = kMetadataTopic;
  topic.topic_id = kMetadataTopicId;
  auto& partition = topic.partitions.emplace_back();
  partition.error_code = code_of(told.standing.error);
  partition.high_watermark = told.high_watermark.value();
  partition.log_start_offset = log_start().value();
  partition.current_leader.leader_id = told.standing.leader.value();
  partition.current_leader.leader_epoch = told.standing.epoch.value();
  if (told.diverging) {
    partition.diverging_epoch.epoch = told.diverging->epoch.value();
    partition.diverging_epoch.end_offset = told.diverging->offset.value();
  }
  if (told.snapshot) {
    partition.snapshot_id.end_offset = told.snapshot->offset.value();
    partition.snapshot_id.epoch = told.snapshot->epoch.value();
  }
  partition.records.emplace();
  if (!records.empty()) partition.records->push_back(std::move(records));
  co_return response;
}

// --- FetchSnapshot ---

Task<Result<wire::FetchSnapshotResponse>> RaftNode::fetch_snapshot(
    wire::FetchSnapshotRequest request) {
  if (!is_own_cluster(request.cluster_id))
    co_return refused_snapshot(Errc::inconsistent_cluster_id);
  const auto* asked = only_partition(request.topics);
  if (asked == nullptr || asked->partition != 0 || request.topics.front().name != kMetadataTopic) {
    co_return refused_snapshot(Errc::invalid_request);
  }
  const FetchSnapshotRequest wanted{{NodeId(request.replica_id), asked->replica_directory_id},
                                    LeaderEpoch(asked->current_leader_epoch)};
  CO_TRY(const auto answered, co_await ask(wanted));
  const Standing standing = std::get<QuorumEpochResponse>(answered).standing;
  wire::FetchSnapshotResponse response;
  auto& topic = response.topics.emplace_back();
  topic.name = kMetadataTopic;
  auto& partition = topic.partitions.emplace_back();
  partition.current_leader.leader_id = standing.leader.value();
  partition.current_leader.leader_epoch = standing.epoch.value();
  partition.snapshot_id.end_offset = asked->snapshot_id.end_offset;
  partition.snapshot_id.epoch = asked->snapshot_id.epoch;
  partition.error_code = code_of(standing.error);
  if (standing.error) co_return response;
  const OffsetAndEpoch id{Offset(asked->snapshot_id.end_offset),
                          LeaderEpoch(asked->snapshot_id.epoch)};
  if (!log_->has_snapshot(id)) {
    partition.error_code = wire::error_code(Errc::snapshot_not_found);
    co_return response;
  }
  CO_TRY(const uint64_t size, co_await log_->snapshot_size(id));
  if (asked->position < 0 || static_cast<uint64_t>(asked->position) >= size) {
    partition.error_code = wire::error_code(Errc::position_out_of_range);
    co_return response;
  }
  const size_t bytes_max =
      std::clamp<size_t>(static_cast<size_t>(std::max(request.max_bytes, 1)), 1, kSnapshotPartMax);
  CO_TRY(Bytes part,
         co_await log_->read_snapshot(id, static_cast<uint64_t>(asked->position), bytes_max));
  partition.size = static_cast<int64_t>(size);
  partition.position = asked->position;
  partition.unaligned_records.push_back(std::move(part));
  co_return response;
}

// --- DescribeQuorum ---

wire::DescribeQuorumResponse RaftNode::describe_quorum(
    const wire::DescribeQuorumRequest& request) const {
  wire::DescribeQuorumResponse response;
  response.error_message = std::nullopt;
  const auto* asked = only_partition(request.topics);
  if (asked == nullptr || asked->partition_index != 0 ||
      request.topics.front().topic_name != kMetadataTopic) {
    response.error_code = wire::error_code(Errc::unknown_topic_or_partition);
    return response;
  }
  auto& topic = response.topics.emplace_back();
  topic.topic_name = kMetadataTopic;
  auto& partition = topic.partitions.emplace_back();
  partition.error_message = std::nullopt;
  partition.leader_id = leader().value();
  partition.leader_epoch = epoch().value();
  partition.high_watermark = machine_->high_watermark().value();
  const auto* role = std::get_if<Leader>(&machine_->role());
  if (role == nullptr) {
    partition.error_code = wire::error_code(Errc::not_leader_or_follower);
    return response;
  }
  const int64_t wall = shard_.clock().wall().ms();
  const auto describe = [&](const Progress& progress) {
    auto state = decltype(partition.current_voters)::value_type();
    state.replica_id = progress.key.id.value();
    state.replica_directory_id = progress.key.directory;
    state.log_end_offset = progress.end.value();
    if (progress.end != kNoOffset) {
      state.last_fetch_timestamp = wall - to_ms(shard_.now() - progress.last_fetch);
      state.last_caught_up_timestamp = wall - to_ms(shard_.now() - progress.last_caught_up);
    }
    return state;
  };
  for (const auto& [id, voter] : machine_->voters().voters()) {
    if (id == options_.self.id) {
      partition.current_voters.push_back(
          describe({options_.self, log_end(), shard_.now(), shard_.now()}));
    } else {
      partition.current_voters.push_back(describe(role->voters.at(id)));
    }
    auto& node = response.nodes.emplace_back();
    node.node_id = id.value();
    for (const VoterEndpoint& e : voter.endpoints)
      node.listeners.push_back({e.listener, e.host, e.port});
  }
  for (const auto& [key, progress] : role->observers)
    partition.observers.push_back(describe(progress));
  return response;
}

}  // namespace partita::raft
