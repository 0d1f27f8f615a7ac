#include "cli/kafka/option_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace partita::cli::kafka {
namespace {

constexpr size_t kColumn = 41;  // where the words begin
constexpr size_t kWidth = 79;

constexpr OptionRow kHelp = {.name = "help", .words = "Says what the options are."};
constexpr OptionRow kVersion = {.name = "version", .words = "Prints the version of Kafka."};

std::string head_of(const OptionRow& row) {
  std::string head = fmt::format("--{}", row.name);
  if (row.argument == Argument::required) head += fmt::format(" <{}>", row.argument_words);
  if (row.argument == Argument::optional) head += fmt::format(" [{}]", row.argument_words);
  return head;
}

/// `head` on the left, `words` wrapped on the right.
std::string table_row(std::string head, std::string_view words) {
  if (head.size() + 1 >= kColumn)
    head += "\n" + std::string(kColumn, ' ');
  else
    head.resize(kColumn, ' ');
  size_t column = kColumn;
  while (!words.empty()) {
    const size_t space = words.find(' ');
    const std::string_view word = words.substr(0, space);
    words = space == std::string_view::npos ? std::string_view() : words.substr(space + 1);
    if (column > kColumn && column + 1 + word.size() > kWidth) {
      head += "\n" + std::string(kColumn, ' ');
      column = kColumn;
    }
    if (column > kColumn) {
      head += ' ';
      column++;
    }
    head += word;
    column += word.size();
  }
  return head + "\n";
}

}  // namespace

std::optional<std::string> Options::value(std::string_view name) const {
  const auto found = given_.find(name);
  return found == given_.end() ? std::nullopt : found->second.back();
}

std::vector<std::string> Options::values(std::string_view name) const {
  std::vector<std::string> all;
  const auto found = given_.find(name);
  if (found == given_.end()) return all;
  for (const auto& value : found->second) {
    if (value) all.push_back(*value);
  }
  return all;
}

Result<std::optional<int64_t>> Options::integer(std::string_view name, int bits) const {
  const auto text = value(name);
  if (!text) return std::nullopt;
  int64_t number = 0;
  const char* const end = text->data() + text->size();
  const char* const begin = text->starts_with('+') ? text->data() + 1 : text->data();
  const auto [stop, error] = std::from_chars(begin, end, number);
  const bool fits = bits == 64 || (number >= INT32_MIN && number <= INT32_MAX);
  if (error != std::errc() || stop != end || !fits) {
    return fail(Errc::invalid_argument,
                fmt::format("Cannot parse argument '{}' of option {}", *text, name));
  }
  return number;
}

OptionParser::OptionParser(std::span<const OptionRow> rows) : rows_(rows.begin(), rows.end()) {
  rows_.push_back(kHelp);
  rows_.push_back(kVersion);
  std::ranges::sort(rows_, {}, &OptionRow::name);
}

const OptionRow* OptionParser::find(std::string_view name) const {
  const auto at = std::ranges::find(rows_, name, &OptionRow::name);
  return at == rows_.end() ? nullptr : &*at;
}

Result<Options> OptionParser::parse(std::span<const std::string> arguments) const {
  Options options;
  bool only_rest = false;
  for (size_t i = 0; i < arguments.size(); i++) {
    const std::string& argument = arguments[i];
    if (!only_rest && argument == "--") {
      only_rest = true;
      continue;
    }
    if (only_rest || !argument.starts_with('-') || argument.size() == 1) {
      options.rest_.push_back(argument);
      continue;
    }
    std::string_view name = std::string_view(argument).substr(argument.starts_with("--") ? 2 : 1);
    std::optional<std::string> value;
    if (const size_t equals = name.find('='); equals != std::string_view::npos) {
      value = std::string(name.substr(equals + 1));
      name = name.substr(0, equals);
    }
    const OptionRow* row = find(name);
    if (row == nullptr) {
      return fail(Errc::invalid_argument, fmt::format("{} is not a recognized option", name));
    }
    const bool next_is_option =
        i + 1 == arguments.size() ||
        (arguments[i + 1].starts_with("--") && find(arguments[i + 1].substr(2)) != nullptr);
    if (!value && row->argument == Argument::required) {
      if (next_is_option) {
        return fail(Errc::invalid_argument, fmt::format("Option {} requires an argument", name));
      }
      value = arguments[++i];
    } else if (!value && row->argument == Argument::optional && !next_is_option) {
      value = arguments[++i];
    }
    options.given_[std::string(name)].push_back(std::move(value));
  }
  return options;
}

std::string OptionParser::table() const {
  std::string text = table_row("Option", "Description") + table_row("------", "-----------");
  for (const OptionRow& row : rows_) text += table_row(head_of(row), row.words);
  return text;
}

int OptionParser::usage(std::string_view words) const {
  std::fputs(fmt::format("{}\n{}", words, table()).c_str(), stderr);
  return 1;
}

Result<> OptionParser::check_alone(const Options& options, std::string_view option,
                                   std::span<const std::string_view> others) const {
  if (!options.has(option)) return {};
  for (const std::string_view other : others) {
    if (!options.has(other)) continue;
    return fail(Errc::invalid_argument,
                fmt::format("Option \"[{}]\" can't be used with option \"[{}]\"", option, other));
  }
  return {};
}

Result<> OptionParser::check_required(const Options& options,
                                      std::span<const std::string_view> names) const {
  for (const std::string_view name : names) {
    if (options.has(name)) continue;
    return fail(Errc::invalid_argument, fmt::format("Missing required argument \"[{}]\"", name));
  }
  return {};
}

Result<std::vector<std::pair<std::string, std::string>>> parse_key_values(
    const std::vector<std::string>& pairs, bool accept_missing_value) {
  std::vector<std::pair<std::string, std::string>> parsed;
  for (const std::string& pair : pairs) {
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    const std::string key = pair.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : pair.substr(equals + 1);
    if (key.empty() || (value.empty() && !accept_missing_value)) {
      return fail(Errc::invalid_argument, fmt::format("Missing value for key {}", key));
    }
    parsed.emplace_back(key, value);
  }
  return parsed;
}

}  // namespace partita::cli::kafka
