#pragma once
// Arguments as Kafka's younger tools take them, which read them with argparse4j: a command, then
// `--flag value`, `--flag=value`, `-f value`, `-fvalue`, `-xy` for two switches, any unique
// beginning of a long flag. Complaints are in that library's words, behind the usage.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace partita::cli::kafka {

struct FlagRow {
  std::string_view name;        ///< with its dashes: "--config"
  std::string_view short_name;  ///< "-c"; empty where there is none
  std::string_view words;
  bool is_switch = false;  ///< takes no value
  bool required = false;
  bool exclusive = false;  ///< at most one of those of a command
};

struct CommandRow {
  std::string_view name;
  std::string_view words;
  std::span<const FlagRow> flags;
};

class Arguments {
 public:
  const std::string& command() const { return command_; }
  bool has(std::string_view flag) const { return given_.contains(flag); }
  /// The last value; nothing where the flag was not given.
  std::optional<std::string> value(std::string_view flag) const;
  /// All values, in order.
  std::vector<std::string> values(std::string_view flag) const;

 private:
  friend class ArgumentParser;
  std::string command_;
  std::map<std::string, std::vector<std::string>, std::less<>> given_;
};

class ArgumentParser {
 public:
  ArgumentParser(std::string_view program, std::string_view purpose,
                 std::span<const CommandRow> commands)
      : program_(program), purpose_(purpose), commands_(commands) {}

  /// Errc::invalid_argument with everything that goes to standard error. Nothing inside where help
  /// was asked for, which has been printed.
  Result<std::optional<Arguments>> parse(std::span<const std::string> arguments) const;

 private:
  struct Cursor;
  const CommandRow* find(std::string_view name) const;
  /// `command` null: of the program itself.
  std::string usage(const CommandRow* command) const;
  std::string help(const CommandRow* command) const;
  Error misuse(const CommandRow* command, std::string_view words) const;
  Result<bool> parse_command(Cursor& at, Arguments& into) const;
  Result<> parse_flag(Cursor& at, Arguments& into) const;
  Result<> check(const CommandRow& command, const Arguments& given) const;

  const std::string_view program_;
  const std::string_view purpose_;
  const std::span<const CommandRow> commands_;
};

}  // namespace partita::cli::kafka
