#pragma once
// What the tools with Kafka's names share.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/properties.h"
#include "cli/client_process.h"
#include "cli/kafka/error_words.h"
#include "cli/kafka/option_parser.h"

namespace partita::cli::kafka {

/// How long the Java admin client goes on trying (default.api.timeout.ms).
inline constexpr Duration kApiTimeout = 60s;

/// --help and --version, where given: what to exit with.
std::optional<int> help_or_version(const OptionParser& parser, const Options& options,
                                   std::string_view purpose);

/// Settings under the names of Kafka's client configs onto ours. invalid_argument where one asks
/// for something that this client does not do.
Result<> apply_client_configs(const Properties& properties, client::ClusterSettings& settings);

/// Where --bootstrap-server and --command-config lead.
Result<client::ClusterSettings> admin_settings(const Options& options,
                                               std::string client_id = "adminclient-1");

/// "a,b|c" as Kafka's topic filters read it: a regular expression over whole names.
class TopicFilter {
 public:
  static Result<TopicFilter> parse(std::string_view text);
  bool matches(const std::string& topic) const;

 private:
  explicit TopicFilter(std::string pattern) : pattern_(std::move(pattern)) {}
  std::string pattern_;
};

bool is_internal_topic(std::string_view name);

}  // namespace partita::cli::kafka
