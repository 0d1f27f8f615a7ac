// kafka-server-start and kafka-server-stop. Going into the background (-daemon) is the script's
// matter.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/command.h"
#include "cli/kafka/tools.h"
#include "runtime/linux/processes.h"

namespace partita::cli::kafka {
namespace {

int start_usage() {
  std::fputs(
      "USAGE: kafka-server-start.sh [-daemon] server.properties "
      "[--override property=value]*\n",
      stderr);
  return 1;
}

bool is_server(const RunningProcess& process) {
  const std::vector<std::string>& arguments = process.arguments;
  if (arguments.size() < 2) return false;
  const std::string program = arguments[0].substr(arguments[0].rfind('/') + 1);
  return program == "partita" && (arguments[1] == "server" || arguments[1] == "kafka-server-start");
}

}  // namespace

int run_server_start(std::span<const std::string> arguments) {
  std::vector<std::string> flags;
  std::string file;
  for (size_t i = 0; i < arguments.size(); i++) {
    const std::string& argument = arguments[i];
    if (argument == "--override" && i + 1 < arguments.size()) {
      flags.push_back("--set");
      flags.push_back(arguments[++i]);
    } else if (argument.starts_with("--override=")) {
      flags.push_back("--set");
      flags.push_back(argument.substr(argument.find('=') + 1));
    } else if (file.empty() && !argument.starts_with('-')) {
      file = argument;
    } else {
      return start_usage();
    }
  }
  if (file.empty()) return start_usage();
  flags.insert(flags.begin(), {"--config", file});
  return run_server(flags);
}

int run_server_stop(std::span<const std::string> arguments) {
  if (!arguments.empty()) {
    std::fputs("usage: kafka-server-stop.sh\n", stderr);
    return 1;
  }
  const auto processes = running_processes();
  if (!processes) {
    std::fputs((describe(processes.error()) + "\n").c_str(), stderr);
    return 1;
  }
  size_t stopped = 0;
  for (const RunningProcess& process : *processes) {
    if (!is_server(process)) continue;
    if (const Result<> asked = ask_to_stop(process.id); !asked) {
      std::fputs((describe(asked.error()) + "\n").c_str(), stderr);
      return 1;
    }
    stopped++;
  }
  if (stopped > 0) return 0;
  std::puts("No kafka server to stop");
  return 1;
}

}  // namespace partita::cli::kafka
