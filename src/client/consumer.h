#pragma once
// Consumer: reads partitions that it was assigned, from positions that it was given. No group.
// Belongs to one shard; its Cluster outlives it. poll() is called by one task at a time.
//
// Invariants:
//  1. Records of one partition come in the order of their offsets, each once between two seeks.
//  2. A partition is fetched ahead of poll() at most once: nothing more is asked for while fetched
//     records of it wait, so memory is bounded by one response a broker.
//  3. What poll() answered stays valid until it is destroyed; its topics' names as long as they are
//     assigned.
//
//     Consumer consumer(cluster, settings);
//     consumer.assign({{{"t", PartitionIndex(0)}, StartAt::beginning()}});
//     CO_TRY(const Polled polled, co_await consumer.poll(deadline));
//     co_await consumer.close();

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "client/cluster.h"
#include "client/fetch_session.h"
#include "client/fetched_records.h"

namespace partita::client {

/// Where to begin. Times are those of records; where no record is that young, the end.
struct StartAt {
  enum class Kind { offset, beginning, end, time };
  Kind kind = Kind::end;
  int64_t value = 0;  ///< offset, or milliseconds

  static StartAt offset(Offset at) { return {Kind::offset, at.value()}; }
  static StartAt beginning() { return {Kind::beginning}; }
  static StartAt end() { return {Kind::end}; }
  static StartAt time(WallTime at) { return {Kind::time, at.ms()}; }
};

/// What happens where the position is not in the log (any more).
enum class OffsetReset { earliest, latest, none };

struct ConsumerSettings {
  int32_t fetch_bytes_min = 1;
  Duration fetch_wait_max = 500ms;
  int32_t fetch_bytes_max = 50 << 20;
  int32_t partition_bytes_max = 1 << 20;
  size_t poll_records_max = 500;
  bool read_committed = false;
  bool check_crcs = true;
  OffsetReset reset = OffsetReset::latest;
};

struct Polled {
  std::vector<ConsumedRecord> records;
  std::vector<FetchedBatchPtr> memory;  ///< what the records borrow from
};

class Consumer {
 public:
  using Assignment = std::vector<std::pair<TopicPartition, StartAt>>;

  Consumer(Cluster& cluster, ConsumerSettings settings);
  ~Consumer();
  Consumer(const Consumer&) = delete;

  /// Replaces the assignment; partitions that stay begin where this says.
  void assign(Assignment partitions);
  /// REQUIRED: assigned.
  void seek(const TopicPartition& partition, StartAt at);
  /// Records as soon as there are any, at most poll_records_max; none when the deadline has passed.
  /// Errors are of one partition (named in the detail) or of the cluster; polling may go on after.
  Task<Result<Polled>> poll(Deadline deadline);
  /// Where poll() goes on; nothing while that is not known yet. REQUIRED: assigned.
  std::optional<Offset> position(const TopicPartition& partition) const;
  /// poll() answers what it has, if anything, before its deadline: once.
  void wake();
  /// poll() answers `stopped` from now on.
  void stop();
  /// REQUIRED before destruction.
  Task<void> close();

 private:
  struct Partition {
    std::optional<Offset> position;
    StartAt start;
    LeaderEpoch last_epoch = kNoLeaderEpoch;
    uint64_t generation = 0;  ///< counts seeks: what was asked for before one is dropped
    bool resolving = false;
    bool fetching = false;
    Instant not_before;
    uint32_t failures = 0;
    std::optional<FetchedRecords> fetched;
  };
  struct Node {
    FetchSession session;
    bool fetching = false;
  };
  using Generations = std::map<TopicPartition, uint64_t>;

  void collect(Polled& polled);
  void collect_from(const TopicPartition& name, Partition& partition, Polled& polled);
  void look_up_positions();
  Task<void> resolve(std::map<TopicPartition, std::pair<StartAt, uint64_t>> wanted);
  void start_fetches(Instant& look_again);
  Task<void> fetch(NodeId node, FetchWants wants, Generations generations);
  void take_answer(const Answer& answer, Node& node, const FetchWants& wants,
                   const Generations& generations);
  template <class Data>
  void take_partition(const TopicPartition& name, const Data& data, const Bytes& body,
                      const FetchWant& want);
  void handle_error(const TopicPartition& name, Partition& partition, Errc error);
  void diverged(const TopicPartition& name, Partition& partition, Offset end_offset);
  void pause(Partition& partition);
  void want_metadata();
  Task<void> refresh_metadata();
  void fail_with(Error error);
  Partition* find(const TopicPartition& name);
  void note_change();

  Cluster& cluster_;
  Shard& shard_;
  const ConsumerSettings settings_;
  Scope scope_;
  records::Decompressor decompressor_;
  std::map<TopicPartition, Partition> partitions_;
  std::map<NodeId, Node> nodes_;
  std::optional<TopicPartition> served_last_;
  std::optional<Error> error_;
  uint64_t next_generation_ = 1;
  bool refreshing_ = false;
  bool woken_ = false;
  uint64_t changes_ = 0;
  WaitQueue changed_;
};

}  // namespace partita::client
