#pragma once
// kafka-consumer-groups: Kafka's ConsumerGroupCommand. One object runs one action. Failures of the
// cluster are printed and leave the exit code 0, as there; complaints about usage are
// Errc::invalid_argument and end it with 1.

#include <map>
#include <string>
#include <vector>

#include "cli/kafka/consumer_groups_options.h"
#include "cli/kafka/tool.h"
#include "client/group_admin.h"

namespace partita::cli::kafka {

/// "\nError: WORDS\n", on standard output.
void print_group_error(std::string_view words);

class ConsumerGroupsTool {
 public:
  ConsumerGroupsTool(ClientContext& context, const ConsumerGroupsOptions& options, Duration timeout)
      : context_(context),
        options_(options),
        timeout_(timeout),
        admin_(context.scope, context.cluster),
        groups_(context.scope, context.cluster) {}

  /// The detail of an Error is what is to be printed.
  Task<Result<>> run();

 private:
  using Partitions = std::vector<client::TopicPartition>;
  using Offsets = std::map<client::TopicPartition, Offset>;

  Task<Result<>> list();
  Task<Result<>> describe();
  Task<Result<>> remove();
  Task<Result<>> delete_offsets();
  Task<Result<>> reset_offsets();

  /// Those that --group or --all-groups name.
  Task<Result<std::vector<std::string>>> chosen_groups();
  /// Ids of the consumer groups, in Java's order.
  Task<Result<std::vector<client::GroupListing>>> list_consumer_groups(
      std::vector<std::string> states, std::vector<std::string> types);

  // Describing.
  struct Row;
  Task<Result<std::vector<Row>>> offset_rows(const client::GroupDescription& group);
  Task<Result<>> find_ends(std::vector<Row>& rows);
  void print_offsets(const client::GroupDescription& group, const std::vector<Row>& rows) const;
  void print_members(const client::GroupDescription& group) const;
  void print_state(const client::GroupDescription& group) const;

  // Resetting.
  Task<Result<Offsets>> reset_of(std::string group);
  Task<Result<Partitions>> partitions_to_reset(std::string group);
  Task<Result<Partitions>> parse_topics(std::vector<std::string> texts);
  Task<Result<>> check_partitions(Partitions partitions);
  Task<Result<Offsets>> target_offsets(std::string group, Partitions partitions);
  Task<Result<Offsets>> shifted(std::string group, Partitions partitions);
  Task<Result<Offsets>> current(std::string group, Partitions partitions);
  Task<Result<Offsets>> at_time(Partitions partitions, int64_t timestamp);
  Task<Result<Offsets>> from_file(std::string group);
  Task<Result<Offsets>> within_range(Offsets wanted);
  /// -1 where no record is that young.
  Task<Result<Offsets>> listed(Partitions partitions, int64_t timestamp);

  Deadline deadline() { return context_.now() + timeout_; }

  ClientContext& context_;
  const ConsumerGroupsOptions& options_;
  const Duration timeout_;
  client::Admin admin_;
  client::GroupAdmin groups_;
};

/// In the order of a Java map.
std::vector<std::pair<client::TopicPartition, Offset>> in_java_order(
    const std::map<client::TopicPartition, Offset>& offsets);

/// "topic:0,1" as partitions. The Java tool's words for what is none.
Result<std::vector<client::TopicPartition>> parse_topic_partitions(const std::string& text);

}  // namespace partita::cli::kafka
