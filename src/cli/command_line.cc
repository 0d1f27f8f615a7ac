#include "cli/command_line.h"

#include <fmt/format.h>

#include <cstdio>

namespace partita::cli {

std::optional<int> parse(CLI::App& app, std::span<const std::string> arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return std::nullopt;
}

int complain(std::string_view what, const Error& error) {
  std::fputs(fmt::format("partita {}: {}\n", what, words_of(error)).c_str(), stderr);
  return 1;
}

}  // namespace partita::cli
