#pragma once
// Workload: the clients of one run, on the client machine: producers that send numbered records, a
// consumer that watches meanwhile, and the reader of everything in the end. All that they are told
// goes into the History.
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

  Shard& shard() { return shard_; }
  Task<Result<>> create_topic(Deadline deadline);
  /// Starts every producer and the watching consumer.
  void start();
  /// Whether every record has its answer.
  bool producers_ended() const { return producers_left_ == 0; }
  /// One record to each partition, acknowledged by all.
  Task<Result<>> probe(Deadline deadline);
  /// Everything in the log, into History::final; looks up offsets and times on the way.
  Task<Result<>> read_all(Deadline deadline);
  /// What the lookups of read_all() found wrong.
  const Findings& findings() const { return findings_; }
  Task<void> close();

 private:
  struct Client;
  Client& add_client();
  client::Consumer::Assignment whole_topic(client::StartAt start) const;
  Task<void> produce(size_t index);
  Task<Result<>> send_one(client::Producer& producer, SentRecord record, size_t value_bytes);
  Task<void> watch();
  Task<Result<bool>> poll_into(client::Consumer& consumer, Deadline deadline,
                               std::map<PartitionIndex, PartitionContents>& into);
  Task<Result<std::map<PartitionIndex, Offset>>> ends(Deadline deadline);
  Task<Result<>> look_up_offsets(Deadline deadline);
  Task<Result<>> look_up_times(Deadline deadline);

  runtime::sim::SimWorld& world_;
  Shard& shard_;
  const std::string broker_address_;
  const Plan& plan_;
  History& history_;
  Log log_;
  Scope scope_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<client::Producer*> producers_;
  client::Consumer* watcher_ = nullptr;
  size_t producers_left_ = 0;
  uint32_t probes_ = 0;
  Findings findings_;
};

}  // namespace partita::sim
