#include "cli/client_process.h"

#include "runtime/linux/process.h"
#include "runtime/linux/stdout_log_sink.h"

namespace partita::cli {
namespace {

Task<int> run_in(LinuxWorld& world, client::ClusterSettings settings, const ClientMain& main,
                 Log log) {
  client::Cluster cluster(world.shard(0), std::move(settings), log);
  Scope scope(world.shard(0));
  ClientContext context{world, scope, cluster};
  const int code = co_await main(context);
  scope.close();
  co_await scope.join();
  co_await cluster.close();
  co_return code;
}

}  // namespace

int run_client(client::ClusterSettings settings, const ClientMain& main) {
  ignore_broken_pipes();
  StdoutLogSink sink(2);
  const Log log(sink, "client", LogLevel::warn);
  LinuxWorld world;
  return world.run(run_in(world, std::move(settings), main, log));
}

Result<client::ClusterSettings> cluster_settings(std::string_view bootstrap,
                                                 std::string client_id) {
  client::ClusterSettings settings;
  TRY(settings.bootstrap, client::parse_bootstrap(bootstrap));
  settings.client_id = std::move(client_id);
  return settings;
}

std::string words_of(const Error& error) {
  return error.detail.empty() ? std::string(errc_name(error.code)) : error.detail;
}

}  // namespace partita::cli
