#include "cli/settings_sources.h"

#include <fmt/format.h>

#include "base/properties.h"

namespace partita::cli {
namespace {

constexpr uint64_t kFileBytesMax = 1 << 20;

using Given = std::map<std::string, broker::Settings::Given, std::less<>>;

/// Apache's image reads these as it starts the process; they name no setting.
bool is_for_the_image(std::string_view variable) {
  return variable.starts_with("KAFKA_HEAP_OPTS") || variable.starts_with("KAFKA_JVM") ||
         variable.starts_with("KAFKA_LOG4J") || variable.starts_with("KAFKA_OPTS") ||
         variable.starts_with("KAFKA_GC") || variable.starts_with("KAFKA_JMX") ||
         variable.starts_with("KAFKA_CLUSTER_ID");
}

Task<Result<>> add_file(Shard& shard, const std::string& path, Given& given) {
  const auto bytes = co_await read_file(shard.executor(), shard.disk(), path, kFileBytesMax);
  if (!bytes) {
    co_return fail(bytes.error().code,
                   fmt::format("cannot read {}: {}", path, describe(bytes.error())));
  }
  CO_TRY(const Properties properties, Properties::parse(bytes->view()));
  for (const auto& [name, value] : properties.entries()) {
    given[name] = {.value = value, .source = broker::Settings::Source::file};
  }
  co_return Result<>();
}

}  // namespace

Task<Result<broker::Settings>> read_settings(Shard& shard, SettingsSources sources,
                                             std::vector<std::string>& unknown) {
  Given given;
  if (!sources.file.empty()) CO_CHECKED(co_await add_file(shard, sources.file, given));
  for (const auto& [variable, value] : sources.environment) {
    const auto name = broker::setting_of_environment(variable);
    if (!name || is_for_the_image(variable)) continue;
    given[*name] = {.value = value, .source = broker::Settings::Source::environment};
  }
  for (const auto& [name, value] : sources.flags) {
    given[name] = {.value = value, .source = broker::Settings::Source::flag};
  }
  co_return broker::parse_settings(std::move(given), &unknown);
}

}  // namespace partita::cli
