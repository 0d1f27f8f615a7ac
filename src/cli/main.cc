// partita: broker, controller and command line in one binary.

#include <cstdio>
#include <string>
#include <vector>

#include "cli/command.h"

namespace partita::cli {
namespace {

constexpr Command kCommands[] = {
    {"server", "start a broker with its controller", run_server},
};

int usage(std::FILE* out) {
  std::fprintf(out, "usage: partita COMMAND [OPTION]...\n\n");
  for (const Command& command : kCommands) {
    std::fprintf(out, "  %-10s %s\n", std::string(command.name).c_str(),
                 std::string(command.words).c_str());
  }
  std::fprintf(out, "\npartita COMMAND --help tells more.\n");
  return out == stdout ? 0 : 1;
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return usage(stderr);
  if (arguments[0] == "--help" || arguments[0] == "help") return usage(stdout);
  for (const Command& command : kCommands) {
    if (command.name == arguments[0]) return command.run(std::span(arguments).subspan(1));
  }
  std::fprintf(stderr, "partita: there is no command '%s'\n\n", arguments[0].c_str());
  return usage(stderr);
}

}  // namespace
}  // namespace partita::cli

int main(int count, char** values) {
  return partita::cli::run(std::vector<std::string>(values + 1, values + count));
}
