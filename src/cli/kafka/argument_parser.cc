#include "cli/kafka/argument_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace partita::cli::kafka {
namespace {

constexpr size_t kWidth = 75;
constexpr size_t kColumn = 25;  // where help's words begin

bool is_help(std::string_view word) {
  return word == "-h" || word == "--help";
}

/// What the library takes for a flag, known or not.
bool looks_like_flag(std::string_view word) {
  return word.size() > 1 && word[0] == '-';
}

/// "--cluster-id" -> "CLUSTER_ID".
std::string value_name(std::string_view flag) {
  std::string name(flag.substr(2));
  for (char& c : name) c = c == '-' ? '_' : (c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c);
  return name;
}

std::string flag_and_value(const FlagRow& row) {
  return row.is_switch ? std::string(row.name)
                       : fmt::format("{} {}", row.name, value_name(row.name));
}

std::string both_names(const FlagRow& row) {
  return row.short_name.empty() ? std::string(row.name)
                                : fmt::format("{}/{}", row.name, row.short_name);
}

/// What the library takes for a number below zero, and so for a value.
bool is_negative_number(std::string_view word) {
  return word.size() > 1 && word[0] == '-' &&
         word.find_first_not_of("0123456789.", 1) == std::string_view::npos;
}

/// Pieces one after the other on lines of kWidth, from the second on behind `indent` spaces.
std::string wrapped(std::string text, const std::vector<std::string>& pieces, size_t indent) {
  size_t column = text.size();
  for (const std::string& piece : pieces) {
    if (column > indent && column + 1 + piece.size() > kWidth) {
      text += "\n" + std::string(indent, ' ') + piece;
      column = indent + piece.size();
    } else {
      text += " " + piece;
      column += 1 + piece.size();
    }
  }
  return text;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t space = text.find(' ');
    words.emplace_back(text.substr(0, space));
    text = space == text.npos ? std::string_view() : text.substr(space + 1);
  }
  return words;
}

std::string help_row(std::string head, std::string_view words) {
  if (head.size() + 1 >= kColumn)
    head += "\n" + std::string(kColumn - 1, ' ');
  else
    head.resize(kColumn - 1, ' ');
  const size_t line = head.rfind('\n') == head.npos ? 0 : head.rfind('\n') + 1;
  std::string last = wrapped(head.substr(line), words_of(words), kColumn);
  return head.substr(0, line) + last + "\n";
}

/// "--[no-]flag" of a row, in the pieces that usage may be broken between.
std::vector<std::string> usage_pieces(const CommandRow& command) {
  std::vector<std::string> pieces{"[-h]"}, exclusive;
  for (const FlagRow& row : command.flags) {
    if (row.exclusive) {
      exclusive.push_back(flag_and_value(row));
    } else {
      pieces.push_back(row.required ? flag_and_value(row)
                                    : fmt::format("[{}]", flag_and_value(row)));
    }
  }
  for (size_t i = 0; i < exclusive.size(); i++) {
    pieces.push_back(fmt::format("{}{}{}", i == 0 ? "[" : "", exclusive[i],
                                 i + 1 == exclusive.size() ? "]" : " |"));
  }
  return pieces;
}

}  // namespace

std::optional<std::string> Arguments::value(std::string_view flag) const {
  const auto found = given_.find(flag);
  return found == given_.end() ? std::nullopt : std::optional(found->second.back());
}

std::vector<std::string> Arguments::values(std::string_view flag) const {
  const auto found = given_.find(flag);
  return found == given_.end() ? std::vector<std::string>() : found->second;
}

/// Where parsing stands: the command, once known, and the words that are left.
struct ArgumentParser::Cursor {
  std::span<const std::string> words;
  const CommandRow* command = nullptr;
  bool help = false;

  std::string take() {
    std::string word = words.front();
    words = words.subspan(1);
    return word;
  }
};

const CommandRow* ArgumentParser::find(std::string_view name) const {
  const auto found = std::ranges::find(commands_, name, &CommandRow::name);
  return found == commands_.end() ? nullptr : &*found;
}

std::string ArgumentParser::usage(const CommandRow* command) const {
  const std::string start = fmt::format("usage: {}", program_);
  const size_t indent = start.size() + 1;
  if (command) {
    return wrapped(fmt::format("{} {}", start, command->name), usage_pieces(*command), indent) +
           "\n";
  }
  std::vector<std::string_view> names;
  for (const CommandRow& row : commands_) names.push_back(row.name);
  return wrapped(start, {"[-h]", fmt::format("{{{}}}", fmt::join(names, ",")), "..."}, indent) +
         "\n";
}

std::string ArgumentParser::help(const CommandRow* command) const {
  std::string text = usage(command) + "\n";
  if (!command) {
    text += fmt::format("{}\n\ncommands:\n", purpose_);
    for (const CommandRow& row : commands_) {
      text += help_row(fmt::format("  {}", row.name), row.words);
    }
    text += "\n";
  }
  text += "optional arguments:\n" + help_row("  -h, --help", "Says what the arguments are.");
  if (!command) return text;
  for (const FlagRow& row : command->flags) {
    const std::string both = row.short_name.empty() ? "" : fmt::format(", {}", row.short_name);
    text += help_row(fmt::format("  {}{}", row.name, both), row.words);
  }
  return text;
}

Error ArgumentParser::misuse(const CommandRow* command, std::string_view words) const {
  return {Errc::invalid_argument, fmt::format("{}{}: error: {}", usage(command), program_, words)};
}

Result<> ArgumentParser::parse_flag(Cursor& at, Arguments& into) const {
  const std::string word = at.take();
  const bool is_long = word.starts_with("--");
  const size_t end = is_long ? word.find('=') : 2;
  const std::string_view name = std::string_view(word).substr(0, end);
  std::optional<std::string> joined;
  if (is_long && end != word.npos) joined = word.substr(end + 1);
  if (!is_long && word.size() > 2) joined = word.substr(2);

  std::vector<const FlagRow*> fitting;
  for (const FlagRow& row : at.command->flags) {
    if (name == row.name || (!row.short_name.empty() && name == row.short_name)) {
      fitting = {&row};
      break;
    }
    if (is_long && row.name.starts_with(name)) fitting.push_back(&row);
  }
  if (fitting.size() > 1) {
    std::vector<std::string_view> names;
    for (const FlagRow* row : fitting) names.push_back(row->name);
    return std::unexpected(misuse(at.command, fmt::format("ambiguous option: {} could match {}",
                                                          word, fmt::join(names, ", "))));
  }
  if (fitting.empty())
    return std::unexpected(misuse(at.command, fmt::format("unrecognized arguments: '{}'", word)));
  const FlagRow& row = *fitting[0];
  for (const FlagRow& other : at.command->flags) {
    if (row.exclusive && other.exclusive && other.name != row.name && into.has(other.name)) {
      return std::unexpected(
          misuse(at.command, fmt::format("argument {}: not allowed with argument {}",
                                         both_names(row), both_names(other))));
    }
  }
  std::vector<std::string>& values = into.given_[std::string(row.name)];
  if (row.is_switch) {
    if (!joined) return {};
    if (is_long) {
      return std::unexpected(misuse(
          at.command,
          fmt::format("argument {}: ignore implicit argument '{}'", both_names(row), *joined)));
    }
    // "-sg": the rest are flags of one letter too.
    const std::string rest = "-" + *joined;
    Cursor inner{.words = std::span(&rest, 1), .command = at.command};
    return parse_flag(inner, into);
  }
  const bool no_value = at.words.empty() || (looks_like_flag(at.words.front()) &&
                                             !is_negative_number(at.words.front()));
  if (!joined && no_value) {
    return std::unexpected(
        misuse(at.command, fmt::format("argument {}: expected one argument", both_names(row))));
  }
  values.push_back(joined ? *joined : at.take());
  return {};
}

Result<> ArgumentParser::check(const CommandRow& command, const Arguments& given) const {
  for (const FlagRow& row : command.flags) {
    if (!row.required || given.has(row.name)) continue;
    return std::unexpected(
        misuse(&command, fmt::format("argument {} is required", both_names(row))));
  }
  return {};
}

Result<bool> ArgumentParser::parse_command(Cursor& at, Arguments& into) const {
  while (!at.words.empty()) {
    if (is_help(at.words.front())) return true;
    if (!looks_like_flag(at.words.front())) {
      return std::unexpected(misuse(
          at.command, fmt::format("unrecognized arguments: '{}'", fmt::join(at.words, " "))));
    }
    CHECKED(parse_flag(at, into));
  }
  CHECKED(check(*at.command, into));
  return false;
}

Result<std::optional<Arguments>> ArgumentParser::parse(
    std::span<const std::string> arguments) const {
  if (arguments.empty()) return std::unexpected(misuse(nullptr, "too few arguments"));
  const std::string& first = arguments[0];
  bool wants_help = is_help(first);
  Cursor at{.words = arguments.subspan(1), .command = find(first)};
  Arguments found;
  if (!wants_help && !at.command) {
    if (looks_like_flag(first))
      return std::unexpected(misuse(nullptr, fmt::format("unrecognized arguments: '{}'", first)));
    std::vector<std::string> names;
    for (const CommandRow& row : commands_) names.push_back(fmt::format("'{}'", row.name));
    return std::unexpected(misuse(nullptr, fmt::format("invalid choice: '{}' (choose from {})",
                                                       first, fmt::join(names, ", "))));
  }
  if (!wants_help) {
    found.command_ = first;
    TRY(wants_help, parse_command(at, found));
  }
  if (!wants_help) return found;
  std::fputs(help(at.command).c_str(), stdout);
  return std::nullopt;
}

}  // namespace partita::cli::kafka
