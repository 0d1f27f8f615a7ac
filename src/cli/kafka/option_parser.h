#pragma once
// Options as Kafka's tools take them: `--name value`, `--name=value`, also with one dash, repeated
// where wanted, abbreviated never. The words of complaints are those of the Java tools.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace partita::cli::kafka {

enum class Argument { none, optional, required };

struct OptionRow {
  std::string_view name;
  Argument argument = Argument::none;
  std::string_view argument_words;
  std::string_view words;
};

class Options {
 public:
  bool has(std::string_view name) const { return given_.contains(name); }
  /// The last value given; nothing where the option is missing or has no argument.
  std::optional<std::string> value(std::string_view name) const;
  std::string value_or(std::string_view name, std::string_view otherwise) const {
    return value(name).value_or(std::string(otherwise));
  }
  std::vector<std::string> values(std::string_view name) const;
  /// Nothing where the option is missing; the Java tools' words where the text is no number in
  /// range.
  Result<std::optional<int64_t>> integer(std::string_view name, int bits = 32) const;
  const std::vector<std::string>& rest() const { return rest_; }

 private:
  friend class OptionParser;
  std::map<std::string, std::vector<std::optional<std::string>>, std::less<>> given_;
  std::vector<std::string> rest_;
};

class OptionParser {
 public:
  /// `rows` by name; --help and --version are added.
  explicit OptionParser(std::span<const OptionRow> rows);

  Result<Options> parse(std::span<const std::string> arguments) const;
  /// The table of options, as printed behind every complaint about usage.
  std::string table() const;
  /// Prints `words` and the table on standard error; answers 1.
  int usage(std::string_view words) const;

  /// The complaint where `option` is given together with one of `others`.
  Result<> check_alone(const Options& options, std::string_view option,
                       std::span<const std::string_view> others) const;
  /// The complaint about the first of `names` that is missing.
  Result<> check_required(const Options& options, std::span<const std::string_view> names) const;

 private:
  const OptionRow* find(std::string_view name) const;

  std::vector<OptionRow> rows_;
};

/// "a=b" pairs; `needs_value` false accepts "a=" (and "a") with an empty value. The Java tools'
/// words otherwise.
Result<std::vector<std::pair<std::string, std::string>>> parse_key_values(
    const std::vector<std::string>& pairs, bool accept_missing_value = true);

inline constexpr std::string_view kKafkaVersion = "4.3.1";

}  // namespace partita::cli::kafka
