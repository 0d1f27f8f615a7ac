#pragma once
// The tools with Kafka's names, flags, output and exit codes: `partita kafka-topics ...`, and
// through bin/kafka-topics.sh. Each takes what follows its name and answers the exit code.

#include <span>
#include <string>

namespace partita::cli::kafka {

int run_topics(std::span<const std::string> arguments);
int run_console_producer(std::span<const std::string> arguments);
int run_console_consumer(std::span<const std::string> arguments);
int run_storage(std::span<const std::string> arguments);
int run_server_start(std::span<const std::string> arguments);
int run_server_stop(std::span<const std::string> arguments);
int run_dump_log(std::span<const std::string> arguments);
int run_consumer_groups(std::span<const std::string> arguments);
int run_groups(std::span<const std::string> arguments);
int run_get_offsets(std::span<const std::string> arguments);
int run_delete_records(std::span<const std::string> arguments);
int run_configs(std::span<const std::string> arguments);
int run_transactions(std::span<const std::string> arguments);

}  // namespace partita::cli::kafka
