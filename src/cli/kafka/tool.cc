#include "cli/kafka/tool.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <charconv>
#include <cstdio>

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

std::string_view default_message(Errc code) {
  switch (code) {
    case Errc::unknown_topic_or_partition: return "This server does not host this topic-partition.";
    case Errc::leader_not_available:
      return "There is no leader for this topic-partition as we are in the middle of a leadership "
             "election.";
    case Errc::not_leader_or_follower:
      return "For requests intended only for the leader, this error indicates that the broker is "
             "not the current leader. For requests intended for any replica, this error indicates "
             "that the broker is not a replica of the topic partition.";
    case Errc::request_timed_out: return "The request timed out.";
    case Errc::invalid_topic_exception:
      return "The request attempted to perform an operation on an invalid topic.";
    case Errc::message_too_large:
      return "The request included a message larger than the max message size the server will "
             "accept.";
    case Errc::topic_already_exists: return "Topic with this name already exists.";
    case Errc::invalid_partitions: return "Number of partitions is below 1.";
    case Errc::offset_out_of_range:
      return "The requested offset is not within the range of offsets maintained by the server.";
    default: return errc_name(code);
  }
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

std::string java_message(const Error& error) {
  return error.detail.empty() ? std::string(default_message(error.code)) : error.detail;
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
