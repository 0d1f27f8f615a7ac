#include "cli/kafka/tool.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <charconv>
#include <cstdio>

#include "cli/properties_file.h"

namespace partita::cli::kafka {
namespace {

Result<Duration> milliseconds(std::string_view name, std::string_view text) {
  int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error != std::errc() || end != text.data() + text.size() || ms < 0) {
    return fail(Errc::invalid_argument,
                fmt::format("Invalid value {} for configuration {}: Not a number of type LONG",
                            text, name));
  }
  return from_ms(ms);
}

Result<> apply_client_config(const std::string& name, const std::string& value,
                             client::ClusterSettings& settings) {
  if (name == "client.id") {
    settings.client_id = value;
  } else if (name == "request.timeout.ms") {
    TRY(settings.request_timeout, milliseconds(name, value));
  } else if (name == "retry.backoff.ms") {
    TRY(settings.retry_backoff, milliseconds(name, value));
  } else if (name == "retry.backoff.max.ms") {
    TRY(settings.retry_backoff_max, milliseconds(name, value));
  } else if (name == "metadata.max.age.ms") {
    TRY(settings.metadata_max_age, milliseconds(name, value));
  } else if (name == "allow.auto.create.topics") {
    settings.allow_auto_create_topics = value == "true";
  } else if (name == "security.protocol" && value != "PLAINTEXT") {
    return fail(Errc::invalid_argument,
                fmt::format("security.protocol {} is not served by this client", value));
  }
  return {};
}

}  // namespace

std::optional<int> help_or_version(const OptionParser& parser, const Options& options,
                                   std::string_view purpose) {
  if (options.has("help")) return parser.usage(purpose);
  if (!options.has("version")) return std::nullopt;
  std::puts(std::string(kKafkaVersion).c_str());
  return 0;
}

Result<> apply_client_configs(const Properties& properties, client::ClusterSettings& settings) {
  for (const auto& [name, value] : properties.entries()) {
    CHECKED(apply_client_config(name, value, settings));
  }
  return {};
}

Result<client::ClusterSettings> admin_settings(const Options& options, std::string client_id) {
  TRY(client::ClusterSettings settings,
      cluster_settings(options.value_or("bootstrap-server", ""), std::move(client_id)));
  if (const auto file = options.value("command-config")) {
    TRY(const Properties properties, read_properties_file(*file));
    CHECKED(apply_client_configs(properties, settings));
  }
  return settings;
}

Result<TopicFilter> TopicFilter::parse(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (c == ' ' || c == '\t') continue;
    pattern += c == ',' ? '|' : c;
  }
  const auto is_quote = [](char c) { return c == '"' || c == '\''; };
  while (!pattern.empty() && is_quote(pattern.front())) pattern.erase(0, 1);
  while (!pattern.empty() && is_quote(pattern.back())) pattern.pop_back();
  if (!RE2(pattern, RE2::Quiet).ok()) {
    return fail(Errc::invalid_regular_expression, pattern + " is an invalid regex.");
  }
  return TopicFilter(std::move(pattern));
}

bool TopicFilter::matches(const std::string& topic) const {
  return RE2::FullMatch(topic, RE2(pattern_, RE2::Quiet));
}

bool is_internal_topic(std::string_view name) {
  return name == "__consumer_offsets" || name == "__transaction_state" ||
         name == "__share_group_state";
}

}  // namespace partita::cli::kafka
