// partita server: one node, broker and controller, until SIGTERM or SIGINT.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "broker/node.h"
#include "cli/command.h"
#include "cli/settings_sources.h"
#include "runtime/linux/process.h"
#include "runtime/linux/stdout_log_sink.h"
#include "runtime/linux/world.h"

namespace partita::cli {
namespace {

constexpr Duration kStopMax = 30s;

struct Flags {
  int port = -1;
  std::string data_directory;
  std::string file;
  std::vector<std::string> set;
};

Result<SettingsSources> sources_of(const Flags& flags) {
  SettingsSources sources{.file = flags.file, .environment = environment()};
  if (flags.port >= 0) {
    sources.flags.emplace_back("listeners", fmt::format("PLAINTEXT://localhost:{}", flags.port));
    sources.flags.emplace_back("advertised.listeners", "");
  }
  if (!flags.data_directory.empty()) sources.flags.emplace_back("log.dirs", flags.data_directory);
  for (const std::string& pair : flags.set) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(Errc::invalid_argument, fmt::format("--set takes NAME=VALUE, not '{}'", pair));
    }
    sources.flags.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return sources;
}

int complain(const Error& error) {
  std::fprintf(stderr, "partita server: %s\n",
               error.detail.empty() ? describe(error).c_str() : error.detail.c_str());
  return 1;
}

void announce(const broker::Node& node) {
  std::string at;
  for (const broker::Binding& binding : node.bindings()) {
    for (const Endpoint& endpoint : binding.at) {
      at +=
          fmt::format("{}{}://{}", at.empty() ? "" : ", ", binding.listener, endpoint.to_string());
    }
  }
  std::printf("partita is listening on %s (node %d, cluster %s)\n", at.c_str(),
              node.node_id().value(), node.cluster_id().c_str());
  std::fflush(stdout);
}

/// Ends the wait for a signal when the node cannot go on.
Task<void> watch(broker::Node& node, Scope& scope, StopSignals& signals, Log log) {
  const Error why = co_await node.failed(scope);
  if (why.code == Errc::stopped) co_return;
  log.error("the node cannot go on: {}", describe(why));
  signals.close();
}

Task<int> serve(LinuxWorld& world, broker::Settings& settings, Log log) {
  StopSignals signals(world.loop(0));
  std::vector<Shard*> shards;
  for (size_t i = 0; i < world.shard_count(); i++) shards.push_back(&world.shard(i));
  broker::Node node(std::move(shards), settings, host_name(), log);
  const Result<> started = co_await node.start();
  if (!started) {
    co_await node.abandon();
    signals.close();
    co_return complain(started.error());
  }
  announce(node);
  Scope watching(world.shard(0));
  watching.spawn(watch(node, watching, signals, log));
  Completion<Result<int>> signalled(world.shard(0).executor());
  signals.start_wait(signalled);
  const Result<int> number = co_await signalled;
  watching.close();
  co_await watching.join();
  if (!number) {
    co_await node.abandon();
    co_return 1;
  }
  log.info("signal {}: stopping", *number);
  const Result<> stopped = co_await node.stop(world.shard(0).now() + kStopMax);
  signals.close();
  if (!stopped) co_return complain(stopped.error());
  co_return 0;
}

int run_with(const Flags& flags) {
  auto sources = sources_of(flags);
  if (!sources) return complain(sources.error());
  ignore_broken_pipes();
  StdoutLogSink sink(2);
  const Log log(sink, "server");
  std::vector<std::string> unknown;
  // Settings are read in a world of one shard: how many there are to be is one of them.
  std::optional<Result<broker::Settings>> settings;
  {
    LinuxWorld world;
    settings.emplace(world.run(read_settings(world.shard(0), std::move(*sources), unknown)));
  }
  if (!*settings) return complain(settings->error());
  for (const std::string& name : unknown)
    log.warn("unknown setting {} is ignored", partita::quoted(name));
  if (const auto limit = raise_open_files_limit(); !limit) {
    log.warn("open files: {}", describe(limit.error()));
  }
  const size_t shards = (*settings)->shards > 0 ? static_cast<size_t>((*settings)->shards)
                                                : std::max<size_t>(1, processor_count() / 2);
  tune_allocator(shards);
  LinuxWorld world({.shards = shards});
  return world.run(serve(world, **settings, log));
}

}  // namespace

int run_server(std::span<const std::string> arguments) {
  CLI::App app("Starts a broker with its controller.", "partita server");
  Flags flags;
  app.add_option("--port", flags.port, "listen on localhost at this port")
      ->check(CLI::Range(0, 65535));
  app.add_option("--data-dir", flags.data_directory, "where the logs are (log.dirs)");
  app.add_option("--config", flags.file, "a server.properties file");
  app.add_option("--set", flags.set, "NAME=VALUE: a setting under Kafka's name")->take_all();
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return run_with(flags);
}

}  // namespace partita::cli
