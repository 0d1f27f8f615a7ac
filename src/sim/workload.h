#pragma once
// Workload: the clients of one run, on the client machine: producers that send numbered records, a
// consumer that watches meanwhile, companions, and the reader of everything in the end. What
// producers and consumers are told goes into the History.
//
// Invariants:
//  1. Every wait ends with close(); nothing of a Workload runs after it.
//  2. Belongs to the client machine's shard.

#include <memory>
#include <vector>

#include "client/admin.h"
#include "client/cluster.h"
#include "client/consumer.h"
#include "client/producer.h"
#include "runtime/sim/world.h"
#include "sim/companion.h"
#include "sim/history.h"
#include "sim/plan.h"

namespace partita::sim {

inline constexpr const char* kTopic = "records";

class Workload {
 public:
  Workload(runtime::sim::SimNode& machine, const std::string& broker_address, const Plan& plan,
           History& history, Log log);
  ~Workload();
  Workload(const Workload&) = delete;

  Shard& shard() { return context_.shard; }
  Task<Result<>> create_topic(Deadline deadline);
  /// Starts every producer, the watching consumer and the companions.
  void start();
  /// From now on nothing new is begun.
  void wind_down() { context_.wind_down = true; }
  /// Whether every record has its answer, and companions have ended.
  bool ended() const { return running_ == 0; }
  /// Grows the count of records that were acknowledged, and of operators' answers.
  uint64_t acknowledged() const { return acknowledged_; }
  uint64_t decisions() const;
  /// One record to each partition, acknowledged by all.
  Task<Result<>> probe(Deadline deadline);
  /// Everything in the log, into History::final; looks up offsets and times on the way.
  Task<Result<>> read_all(Deadline deadline);
  /// What companions find when everything is healed.
  Task<Result<>> check_companions(Deadline deadline);
  /// Reads from an offset, believing every byte: no record, or those of History::final; `must_be`
  /// where a record must come.
  Task<Result<>> read_rotten(PartitionIndex partition, Offset from, bool must_be);
  /// What was found wrong on the way.
  const Findings& findings() const { return context_.findings; }
  Task<void> close();

 private:
  struct Client {
    Client(Shard& shard, client::ClusterSettings settings, Log log)
        : cluster(shard, std::move(settings), log) {}
    client::Cluster cluster;
    std::unique_ptr<client::Producer> producer;
    std::unique_ptr<client::Consumer> consumer;
  };
  Client& add_client();
  client::Consumer& add_consumer(client::ConsumerSettings settings);
  client::Consumer::Assignment whole_topic(client::StartAt start) const;
  Task<void> produce(size_t index);
  Task<Result<>> send_one(client::Producer& producer, SentRecord record);
  Task<void> grow();
  Task<void> watch();
  client::Consumer::Assignment draw_watched();
  Task<void> accompany(Companion& companion);
  Task<Result<bool>> poll_into(client::Consumer& consumer, Deadline deadline,
                               std::map<PartitionIndex, PartitionContents>& into);
  Task<Result<>> learn_partitions(Deadline deadline);
  Task<Result<std::map<PartitionIndex, client::ListedOffset>>> listed(int64_t which,
                                                                      Deadline deadline);
  Task<Result<>> look_up_offsets(Deadline deadline);
  Task<Result<>> look_up_times(Deadline deadline);
  Task<Result<>> look_up_max_times(Deadline deadline);

  ClientContext context_;
  const Plan& plan_;
  History& history_;
  Scope scope_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<client::Producer*> producers_;
  std::vector<std::unique_ptr<Companion>> companions_;
  client::Consumer* watcher_ = nullptr;
  int32_t partitions_;  // that are known to be there
  size_t running_ = 0;
  uint64_t acknowledged_ = 0;
  uint32_t probes_ = 0;
};

}  // namespace partita::sim
