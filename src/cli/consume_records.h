#pragma once
// Records of topics, as they come, to whoever prints them: what `partita consume` and
// kafka-console-consumer do, as a member of a group or without one.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/client_process.h"
#include "client/group_consumer.h"

namespace partita::cli {

struct ConsumeRecords {
  std::string topic;  ///< ignored where `wanted` is given
  /// Which of the cluster's topics; new ones are found while it runs.
  std::function<bool(const std::string&)> wanted = {};
  std::optional<PartitionIndex> partition = {};  ///< else all of each topic
  client::StartAt start = client::StartAt::end();
  std::optional<uint64_t> records_max = {};
  std::optional<Duration> timeout = {};  ///< without a record
  bool until_end = false;                ///< stops at the end that the log had at the beginning
  /// Partitions come from a group; `partition`, `start` and `until_end` mean nothing then.
  std::optional<client::GroupMembershipSettings> group = {};
  std::optional<Duration> auto_commit = {};  ///< in a group
  client::ConsumerSettings settings;
  /// Handles one record; false stops.
  std::function<Result<bool>(const client::ConsumedRecord&)> each;
  /// After the records of one poll.
  std::function<void()> after_poll = {};
};

struct ConsumedCount {
  uint64_t records = 0;
  std::optional<int> signal = {};  ///< SIGINT or SIGTERM ended it
  std::optional<Error> error = {};
};

Task<ConsumedCount> consume_records(ClientContext& context, ConsumeRecords how);

}  // namespace partita::cli
