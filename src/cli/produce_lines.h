#pragma once
// Standard input, line by line, to a topic: what `partita produce` and kafka-console-producer do.

#include <functional>

#include "cli/client_process.h"
#include "cli/record_reader.h"
#include "client/producer.h"

namespace partita::cli {

struct ProduceLines {
  RecordReader* reader = nullptr;
  client::ProducerSettings settings;
  std::function<std::unique_ptr<client::Partitioner>(Shard&)> partitioner = {};  ///< else sticky
  std::optional<PartitionIndex> partition = {};
  bool sync = false;    ///< one record at a time; the first failure ends it
  bool prompt = false;  ///< "> " before each line
  /// Told of each record that could not be delivered.
  std::function<void(const Error&)> failed = {};
};

struct ProducedLines {
  uint64_t delivered = 0;
  uint64_t failed = 0;
  /// What ended it early: a line that makes no sense, or with `sync` a failed record.
  std::optional<Error> error = {};
};

/// Reads to the end of standard input and waits for every answer.
Task<ProducedLines> produce_lines(ClientContext& context, ProduceLines how);

}  // namespace partita::cli
