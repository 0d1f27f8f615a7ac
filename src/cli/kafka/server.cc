// kafka-server-start and kafka-server-stop. Going into the background (-daemon) is the script's
// matter.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "cli/command.h"
#include "cli/kafka/tools.h"
#include "cli/properties_file.h"
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

/// The properties file that a server was started with, as its arguments name it.
std::optional<std::string> config_of(const RunningProcess& process) {
  const std::vector<std::string>& arguments = process.arguments;
  std::optional<std::string> file;
  for (size_t i = 2; i < arguments.size() && !file; i++) {
    const bool flag_before = arguments[i - 1] == "--config";
    const bool alone = arguments[1] == "kafka-server-start" && !arguments[i].starts_with('-') &&
                       arguments[i - 1] != "--override" && arguments[i - 1] != "--set";
    if (flag_before || alone) file = arguments[i];
  }
  if (!file || file->starts_with('/')) return file;
  return process.directory + "/" + *file;
}

struct StopFilter {
  std::optional<std::string> node_id;
  std::optional<std::string> role;
};

Result<StopFilter> parse_filter(std::span<const std::string> arguments) {
  StopFilter filter;
  for (const std::string& argument : arguments) {
    if (argument.starts_with("--node-id=")) {
      filter.node_id = argument.substr(argument.find('=') + 1);
    } else if (argument.starts_with("--process-role=")) {
      filter.role = argument.substr(argument.find('=') + 1);
    } else {
      return fail(Errc::invalid_argument,
                  "usage: kafka-server-stop.sh [--process-role=ROLE] [--node-id=ID]");
    }
  }
  return filter;
}

/// As Apache Kafka's script: by what stands in the server's file; the role goes after the node.
bool matches(const RunningProcess& process, const StopFilter& filter) {
  if (!filter.node_id && !filter.role) return true;
  const auto file = config_of(process);
  if (!file) return false;
  const auto properties = read_properties_file(*file);
  if (!properties) return false;
  const std::string* node_id = properties->find("node.id");
  if (filter.node_id) return node_id != nullptr && *node_id == *filter.node_id;
  const std::string* roles = properties->find("process.roles");
  return roles != nullptr && roles->find(*filter.role) != std::string::npos;
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
  const auto filter = parse_filter(arguments);
  if (!filter) {
    std::fputs((filter.error().detail + "\n").c_str(), stderr);
    return 1;
  }
  const auto processes = running_processes();
  if (!processes) {
    std::fputs((describe(processes.error()) + "\n").c_str(), stderr);
    return 1;
  }
  size_t stopped = 0;
  for (const RunningProcess& process : *processes) {
    if (!is_server(process) || !matches(process, *filter)) continue;
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
