// Consumer: fetching, one request at a time to each leader.

#include <algorithm>

#include "base/fault_points.h"
#include "client/consumer.h"
#include "wire/error_code.h"

namespace partita::client {
namespace {

constexpr int16_t kLastVersionWithNames = 12;

}  // namespace

void Consumer::start_fetches(Instant& look_again) {
  const Instant now = shard_.now();
  if (cluster_.is_stale()) want_metadata();
  std::map<NodeId, std::pair<FetchWants, Generations>> by_node;
  for (auto& [name, partition] : partitions_) {
    if (!partition.position || partition.fetched || partition.fetching) continue;
    if (partition.not_before > now) {
      look_again = std::min(look_again, partition.not_before);
      continue;
    }
    const TopicPtr topic = cluster_.known_topic(name.topic);
    const PartitionView* view = topic ? topic->find(name.partition) : nullptr;
    if (view == nullptr || view->leader == kNoNode) {
      want_metadata();
      continue;
    }
    if (nodes_[view->leader].fetching) continue;
    auto& [wants, generations] = by_node[view->leader];
    wants.emplace(name, FetchWant{.topic_id = topic->id,
                                  .offset = *partition.position,
                                  .current_leader_epoch = view->leader_epoch,
                                  .last_fetched_epoch = partition.last_epoch,
                                  .bytes_max = settings_.partition_bytes_max});
    generations.emplace(name, partition.generation);
  }
  for (auto& [node, what] : by_node) {
    for (const auto& [name, want] : what.first) partitions_.at(name).fetching = true;
    nodes_[node].fetching = true;
    scope_.spawn(fetch(node, std::move(what.first), std::move(what.second)));
  }
}

Task<void> Consumer::fetch(NodeId node_id, FetchWants wants, Generations generations) {
  Node& node = nodes_[node_id];
  wire::FetchRequest request;
  request.max_wait_ms = static_cast<int32_t>(to_ms(settings_.fetch_wait_max));
  request.min_bytes = settings_.fetch_bytes_min;
  request.max_bytes = settings_.fetch_bytes_max;
  request.isolation_level = settings_.read_committed ? 1 : 0;
  node.session.fill(request, wants);
  const bool no_id =
      std::ranges::any_of(wants, [](const auto& each) { return each.second.topic_id.is_zero(); });
  const Deadline deadline =
      shard_.now() + settings_.fetch_wait_max + cluster_.settings().request_timeout;
  const Result<Answer> answer =
      co_await cluster_.ask(scope_, node_id, std::move(request), deadline,
                            no_id ? kLastVersionWithNames : int16_t{INT16_MAX});
  node.fetching = false;
  for (const auto& [name, want] : wants) {
    Partition* partition = find(name);
    if (partition != nullptr) partition->fetching = false;
  }
  if (answer) {
    take_answer(*answer, node, wants, generations);
  } else if (answer.error().code != Errc::stopped) {
    node.session.failed(false);
    for (const auto& [name, want] : wants) {
      if (Partition* partition = find(name)) pause(*partition);
    }
    if (is_transient(answer.error().code)) {
      want_metadata();
    } else {
      fail_with(answer.error());
    }
  }
  note_change();
}

void Consumer::take_answer(const Answer& answer, Node& node, const FetchWants& wants,
                           const Generations& generations) {
  const auto response = wire::FetchResponseView::decode(answer.body.view(), answer.version);
  const auto error =
      response ? wire::errc_of(response->error_code) : std::optional(response.error().code);
  if (error) {
    COVERED("client.fetch_refused");
    node.session.failed(*error == Errc::fetch_session_id_not_found);
    for (const auto& [name, want] : wants) {
      if (Partition* partition = find(name)) pause(*partition);
    }
    if (is_stale_metadata(*error)) want_metadata();
    if (!is_transient(*error) && !is_stale_metadata(*error)) {
      fail_with(response ? Error{*error, "Fetch"} : response.error());
    }
    return;
  }
  node.session.answered(response->session_id);
  for (const auto& topic : response->responses) {
    for (const auto& data : topic.partitions) {
      const auto want = std::ranges::find_if(wants, [&](const auto& each) {
        const bool same = topic.topic.empty() ? each.second.topic_id == topic.topic_id
                                              : each.first.topic == topic.topic;
        return same && each.first.partition.value() == data.partition_index;
      });
      if (want == wants.end()) continue;
      Partition* partition = find(want->first);
      // A seek came in between.
      if (partition == nullptr || partition->generation != generations.at(want->first)) continue;
      take_partition(want->first, data, answer.body, want->second);
    }
  }
  for (const auto& each : response->node_endpoints) {
    cluster_.learn_broker({.id = NodeId(each.node_id),
                           .address = {std::string(each.host), static_cast<uint16_t>(each.port)},
                           .rack = std::nullopt});
  }
}

template <class Data>
void Consumer::take_partition(const TopicPartition& name, const Data& data, const Bytes& body,
                              const FetchWant& want) {
  Partition& partition = *find(name);
  if (data.current_leader.leader_id >= 0) {
    cluster_.learn_leader(name, NodeId(data.current_leader.leader_id),
                          LeaderEpoch(data.current_leader.leader_epoch));
  }
  if (const auto error = wire::errc_of(data.error_code)) {
    return handle_error(name, partition, *error);
  }
  partition.failures = 0;
  if (data.diverging_epoch.end_offset >= 0) {
    return diverged(name, partition, Offset(data.diverging_epoch.end_offset));
  }
  if (!data.records || data.records->empty()) return;
  FetchedOptions options{.check_crcs = settings_.check_crcs};
  if (settings_.read_committed && data.aborted_transactions) {
    for (const auto& each : *data.aborted_transactions) {
      options.aborted.push_back({ProducerId(each.producer_id), Offset(each.first_offset)});
    }
  }
  partition.fetched.emplace(body.slice_of(*data.records), want.offset, std::move(options));
}

void Consumer::handle_error(const TopicPartition& name, Partition& partition, Errc error) {
  pause(partition);
  if (error == Errc::offset_out_of_range) {
    COVERED("client.offset_out_of_range");
    if (settings_.reset == OffsetReset::none) {
      return fail_with({error, name.to_string() + ": offset " +
                                   std::to_string(partition.position->value()) +
                                   " is out of range, and no reset policy is set"});
    }
    seek(name, settings_.reset == OffsetReset::earliest ? StartAt::beginning() : StartAt::end());
  } else if (is_stale_metadata(error)) {
    want_metadata();
  } else if (!is_transient(error) && error != Errc::unknown_server_error) {
    fail_with({error, name.to_string()});
  }
}

/// The log was cut below what was read of it: what comes now stands in place of that.
void Consumer::diverged(const TopicPartition& name, Partition& partition, Offset end_offset) {
  COVERED("client.log_truncated");
  const Offset back_to = std::min(end_offset, *partition.position);
  if (settings_.reset == OffsetReset::none) {
    pause(partition);
    return fail_with(
        {Errc::fenced_leader_epoch, name.to_string() + ": the log was truncated at offset " +
                                        std::to_string(back_to.value()) + ", below the position " +
                                        std::to_string(partition.position->value())});
  }
  cluster_.log().warn("{}: the log was truncated, going back from offset {} to {}",
                      name.to_string(), partition.position->value(), back_to.value());
  seek(name, StartAt::offset(back_to));
}

void Consumer::pause(Partition& partition) {
  Backoff pauses = cluster_.backoff();
  Duration pause = 0ms;
  partition.failures = std::min(partition.failures + 1, 8u);
  for (uint32_t i = 0; i < partition.failures; i++) pause = pauses.next();
  partition.not_before = shard_.now() + pause;
}

void Consumer::want_metadata() {
  if (!refreshing_) scope_.spawn(refresh_metadata());
}

Task<void> Consumer::refresh_metadata() {
  refreshing_ = true;
  const Result<> refreshed =
      co_await cluster_.refresh(scope_, shard_.now() + cluster_.settings().request_timeout);
  if (!refreshed) cluster_.log().debug("no metadata: {}", describe(refreshed.error()));
  note_change();
  // Whether it helped or not, the next question waits a little.
  const Result<> slept = co_await sleep_for(scope_, cluster_.settings().retry_backoff);
  static_cast<void>(slept);
  refreshing_ = false;
  note_change();
}

}  // namespace partita::client
