#include "client/fetch_session.h"

#include <algorithm>
#include <limits>

#include "base/fault_points.h"

namespace partita::client {
namespace {

void add(wire::FetchRequest& request, const TopicPartition& name, const FetchWant& want) {
  if (request.topics.empty() || request.topics.back().topic != name.topic) {
    auto& topic = request.topics.emplace_back();
    topic.topic = name.topic;
    topic.topic_id = want.topic_id;
  }
  auto& partition = request.topics.back().partitions.emplace_back();
  partition.partition = name.partition.value();
  partition.current_leader_epoch = want.current_leader_epoch.value();
  partition.fetch_offset = want.offset.value();
  partition.last_fetched_epoch = want.last_fetched_epoch.value();
  partition.partition_max_bytes = want.bytes_max;
}

void forget(wire::FetchRequest& request, const TopicPartition& name, const FetchWant& want) {
  if (request.forgotten_topics_data.empty() ||
      request.forgotten_topics_data.back().topic != name.topic) {
    auto& topic = request.forgotten_topics_data.emplace_back();
    topic.topic = name.topic;
    topic.topic_id = want.topic_id;
  }
  request.forgotten_topics_data.back().partitions.push_back(name.partition.value());
}

}  // namespace

void FetchSession::fill(wire::FetchRequest& request, const FetchWants& wants) {
  request.session_id = id_;
  request.session_epoch = epoch_;
  if (is_full()) {
    fill_full(request, wants);
  } else {
    fill_changes(request, wants);
  }
  known_ = wants;
}

void FetchSession::fill_full(wire::FetchRequest& request, const FetchWants& wants) const {
  for (const auto& [name, want] : wants) add(request, name, want);
}

void FetchSession::fill_changes(wire::FetchRequest& request, const FetchWants& wants) const {
  for (const auto& [name, want] : wants) {
    const auto before = known_.find(name);
    if (before == known_.end() || before->second != want) add(request, name, want);
  }
  for (const auto& [name, want] : known_) {
    const auto now = wants.find(name);
    const bool replaced = now != wants.end() && now->second.topic_id != want.topic_id;
    if ((now == wants.end() || replaced) && !mutant("client.nothing_forgotten")) {
      forget(request, name, want);
    }
  }
}

void FetchSession::answered(int32_t session_id) {
  if (session_id == 0) {
    // The broker keeps no session for us.
    id_ = 0;
    epoch_ = 0;
    return;
  }
  id_ = session_id;
  epoch_ = epoch_ == std::numeric_limits<int32_t>::max() ? 1 : epoch_ + 1;
}

void FetchSession::failed(bool lost) {
  // With its id and epoch 0 the broker drops the old session as it makes a new one.
  if (lost) id_ = 0;
  epoch_ = 0;
}

}  // namespace partita::client
