// partita: broker, controller and command line in one binary.

#include <cstdio>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/kafka/tools.h"

namespace partita::cli {
namespace {

constexpr Command kCommands[] = {
    {"server", "start a broker with its controller", run_server},
    {"topic", "create, list, describe, alter and delete topics", run_topic},
    {"produce", "send lines from standard input to a topic", run_produce},
    {"consume", "print the records of a topic", run_consume},
    {"group", "groups: members, lag, why they rebalanced, offsets", run_group},
    {"txn", "transactions: which are open, who holds a partition, abort", run_txn},
    {"dump-log", "print what stands in log files", run_dump_log},
};

// Under Kafka's names, with Kafka's flags; also reached by a link of that name (with or without
// .sh).
constexpr Command kKafkaTools[] = {
    {"kafka-topics", "", kafka::run_topics},
    {"kafka-console-producer", "", kafka::run_console_producer},
    {"kafka-console-consumer", "", kafka::run_console_consumer},
    {"kafka-storage", "", kafka::run_storage},
    {"kafka-server-start", "", kafka::run_server_start},
    {"kafka-server-stop", "", kafka::run_server_stop},
    {"kafka-dump-log", "", kafka::run_dump_log},
    {"kafka-consumer-groups", "", kafka::run_consumer_groups},
    {"kafka-groups", "", kafka::run_groups},
    {"kafka-get-offsets", "", kafka::run_get_offsets},
    {"kafka-delete-records", "", kafka::run_delete_records},
    {"kafka-configs", "", kafka::run_configs},
    {"kafka-transactions", "", kafka::run_transactions},
};

const Command* find_kafka_tool(std::string_view name) {
  for (const Command& tool : kKafkaTools) {
    if (tool.name == name) return &tool;
  }
  return nullptr;
}

int usage(std::FILE* out) {
  std::fprintf(out, "usage: partita COMMAND [OPTION]...\n\n");
  for (const Command& command : kCommands) {
    std::fprintf(out, "  %-10s %s\n", std::string(command.name).c_str(),
                 std::string(command.words).c_str());
  }
  std::fprintf(out, "\nAnd Kafka's tools, with Kafka's flags:");
  for (const Command& tool : kKafkaTools) {
    std::fprintf(out, " %s", std::string(tool.name).c_str());
  }
  std::fprintf(out, "\n\npartita COMMAND --help tells more.\n");
  return out == stdout ? 0 : 1;
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return usage(stderr);
  if (arguments[0] == "--help" || arguments[0] == "help") return usage(stdout);
  for (const Command& command : kCommands) {
    if (command.name == arguments[0]) return command.run(std::span(arguments).subspan(1));
  }
  if (const Command* tool = find_kafka_tool(arguments[0])) {
    return tool->run(std::span(arguments).subspan(1));
  }
  std::fprintf(stderr, "partita: there is no command '%s'\n\n", arguments[0].c_str());
  return usage(stderr);
}

}  // namespace
}  // namespace partita::cli

int main(int count, char** values) {
  const std::vector<std::string> arguments(values + 1, values + count);
  std::string_view own_name(values[0]);
  own_name.remove_prefix(own_name.rfind('/') + 1);
  if (own_name.ends_with(".sh")) own_name.remove_suffix(3);
  if (const partita::cli::Command* tool = partita::cli::find_kafka_tool(own_name)) {
    return tool->run(arguments);
  }
  return partita::cli::run(arguments);
}
