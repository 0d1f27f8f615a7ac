#pragma once
// What our own commands share: flags of a client, parsing, complaints.

#include <CLI/CLI.hpp>
#include <span>
#include <string>

#include "cli/client_process.h"

namespace partita::cli {

struct ClientFlags {
  std::string bootstrap{kDefaultBootstrap};
  double timeout_seconds = 10;

  void add_to(CLI::App& app) {
    app.add_option("-b,--bootstrap-server", bootstrap, "HOST:PORT[,HOST:PORT...]")
        ->capture_default_str();
    app.add_option("--timeout", timeout_seconds, "seconds to go on trying")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
  }
  Duration timeout() const {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(timeout_seconds));
  }
};

/// Nothing where parsing went well; else what to exit with: help or a complaint has been printed.
std::optional<int> parse(CLI::App& app, std::span<const std::string> arguments);

/// "partita WHAT: words" on standard error; answers 1.
int complain(std::string_view what, const Error& error);

}  // namespace partita::cli
