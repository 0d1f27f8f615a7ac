// Consumer: positions and polling. Fetching is consumer_fetch.cc's.

#include "client/consumer.h"

#include <algorithm>

#include "base/fault_points.h"
#include "client/admin.h"

namespace partita::client {

Consumer::Consumer(Cluster& cluster, ConsumerSettings settings)
    : cluster_(cluster), shard_(cluster.shard()), settings_(settings), scope_(shard_) {}

Consumer::~Consumer() {
  CHECK(scope_.task_count() == 0);
}

void Consumer::wake() {
  woken_ = true;
  note_change();
}

void Consumer::stop() {
  scope_.close();
  note_change();
}

Task<void> Consumer::close() {
  scope_.close();
  co_await scope_.join();
}

void Consumer::note_change() {
  changes_++;
  changed_.wake_all();
}

void Consumer::assign(Assignment partitions) {
  std::map<TopicPartition, Partition> assigned;
  for (const auto& [name, start] : partitions) {
    cluster_.follow(name.topic);
    // Node handles keep the names' addresses, which records point to.
    auto kept = partitions_.extract(name);
    if (kept.empty()) {
      assigned.try_emplace(name);
    } else {
      assigned.insert(std::move(kept));
    }
  }
  partitions_ = std::move(assigned);
  for (const auto& [name, start] : partitions) seek(name, start);
}

void Consumer::seek(const TopicPartition& name, StartAt at) {
  Partition* partition = find(name);
  CHECK(partition != nullptr);
  partition->start = at;
  partition->position.reset();
  if (at.kind == StartAt::Kind::offset) partition->position = Offset(at.value);
  partition->last_epoch = kNoLeaderEpoch;
  partition->generation = next_generation_++;
  partition->resolving = false;
  partition->fetched.reset();
  partition->not_before = shard_.now();
  partition->failures = 0;
  note_change();
}

Consumer::Partition* Consumer::find(const TopicPartition& name) {
  const auto found = partitions_.find(name);
  return found == partitions_.end() ? nullptr : &found->second;
}

std::optional<Offset> Consumer::position(const TopicPartition& name) const {
  const auto found = partitions_.find(name);
  CHECK(found != partitions_.end());
  if (found->second.fetched) return found->second.fetched->position();
  return found->second.position;
}

void Consumer::fail_with(Error error) {
  if (!error_) error_ = std::move(error);
}

// --- Polling ---

Task<Result<Polled>> Consumer::poll(Deadline deadline) {
  Polled polled;
  while (true) {
    if (scope_.closed()) co_return fail(Errc::stopped, "the consumer is closed");
    const uint64_t seen = changes_;
    collect(polled);
    Instant look_again = shard_.now() + cluster_.settings().metadata_max_age;
    look_up_positions();
    start_fetches(look_again);
    if (!polled.records.empty()) co_return polled;
    if (error_) co_return std::unexpected(*std::exchange(error_, std::nullopt));
    if (shard_.now() >= deadline || std::exchange(woken_, false)) co_return polled;
    if (changes_ != seen) continue;
    Wait wait(scope_, std::min(deadline, look_again));
    changed_.add(wait);
    const Result<> woken = co_await wait;
    if (!woken && woken.error().code == Errc::stopped) co_return std::unexpected(woken.error());
  }
}

void Consumer::collect(Polled& polled) {
  if (partitions_.empty()) return;
  // The partition that was served last comes last now.
  auto at = served_last_ ? partitions_.upper_bound(*served_last_) : partitions_.begin();
  for (size_t i = 0; i < partitions_.size(); i++, ++at) {
    if (at == partitions_.end()) at = partitions_.begin();
    if (!at->second.fetched) continue;
    collect_from(at->first, at->second, polled);
    served_last_ = at->first;
    if (polled.records.size() >= settings_.poll_records_max) return;
  }
}

void Consumer::collect_from(const TopicPartition& name, Partition& partition, Polled& polled) {
  FetchedRecords& fetched = *partition.fetched;
  ConsumedRecord record;
  record.topic = &name.topic;
  record.partition = name.partition;
  while (polled.records.size() < settings_.poll_records_max) {
    const Result<bool> found = fetched.next(record, decompressor_);
    partition.position = fetched.position();
    if (!found) {
      fail_with({found.error().code, name.to_string() + ": " + found.error().detail});
      pause(partition);
    }
    if (!found || !*found) {
      if (fetched.leader_epoch() != kNoLeaderEpoch) partition.last_epoch = fetched.leader_epoch();
      partition.fetched.reset();
      return;
    }
    if (polled.memory.empty() || polled.memory.back() != fetched.batch()) {
      polled.memory.push_back(fetched.batch());
    }
    polled.records.push_back(record);
  }
}

// --- Positions ---

void Consumer::look_up_positions() {
  std::map<TopicPartition, std::pair<StartAt, uint64_t>> wanted;
  for (auto& [name, partition] : partitions_) {
    if (partition.position || partition.resolving) continue;
    partition.resolving = true;
    wanted.emplace(name, std::pair(partition.start, partition.generation));
  }
  if (!wanted.empty()) scope_.spawn(resolve(std::move(wanted)));
}

Task<void> Consumer::resolve(std::map<TopicPartition, std::pair<StartAt, uint64_t>> wanted) {
  std::vector<OffsetQuestion> questions;
  for (const auto& [name, what] : wanted) {
    const StartAt& start = what.first;
    const int64_t timestamp = start.kind == StartAt::Kind::time        ? start.value
                              : start.kind == StartAt::Kind::beginning ? kEarliestTimestamp
                                                                       : kLatestTimestamp;
    questions.push_back({name, timestamp});
  }
  Admin admin(scope_, cluster_);
  const Deadline deadline = shard_.now() + cluster_.settings().request_timeout;
  const auto listed =
      co_await admin.list_offsets(std::move(questions), settings_.read_committed, deadline);
  for (const auto& [name, what] : wanted) {
    Partition* partition = find(name);
    if (partition == nullptr || partition->generation != what.second) continue;
    partition->resolving = false;
    Result<ListedOffset> found = fail(Errc::request_timed_out);
    if (!listed) {
      found = std::unexpected(listed.error());
    } else if (const auto at = listed->find(name); at != listed->end()) {
      found = at->second;
    }
    if (found && found->offset == kNoOffset && what.first.kind == StartAt::Kind::time) {
      partition->start = StartAt::end();
    } else if (found) {
      partition->position = std::max(found->offset, Offset(0));
      partition->last_epoch = kNoLeaderEpoch;
    } else if (found.error().code != Errc::stopped) {
      fail_with({found.error().code, name.to_string() + ": " + found.error().detail});
    }
  }
  note_change();
}

}  // namespace partita::client
