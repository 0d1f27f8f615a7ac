#pragma once
// A command of the one binary: `partita NAME ...`. Each stands in a file of its own under commands/
// and is one row of the table in main.cc.

#include <span>
#include <string>
#include <string_view>

namespace partita::cli {

/// What follows the command's name. Answers the process's exit code.
using Run = int (*)(std::span<const std::string> arguments);

struct Command {
  std::string_view name;
  std::string_view words;
  Run run;
};

int run_server(std::span<const std::string> arguments);
int run_topic(std::span<const std::string> arguments);
int run_produce(std::span<const std::string> arguments);
int run_consume(std::span<const std::string> arguments);
int run_dump_log(std::span<const std::string> arguments);
int run_group(std::span<const std::string> arguments);
int run_txn(std::span<const std::string> arguments);

}  // namespace partita::cli
