#pragma once
// Log lines. A Log is handed to whoever may have something to say; where lines go is the LogSink's
// business (standard output in cli, memory in tests). Lines are sentences; values from outside are
// quoted and escaped by quoted().

#include <fmt/core.h>  // format strings are checked where they stand; no forward declaration can

#include <string>
#include <string_view>

namespace partita {

enum class LogLevel { debug, info, warn, error };

std::string_view log_level_name(LogLevel level);

class LogSink {
 public:
  virtual ~LogSink() = default;
  /// One line without its end. Thread-safe.
  virtual void write(LogLevel level, std::string_view folder, std::string_view line) = 0;
};

/// A sink that drops everything.
LogSink& null_log_sink();

class Log {
 public:
  /// `folder` names the source of the lines ("storage"); must outlive the Log, as must the sink.
  Log(LogSink& sink, std::string_view folder, LogLevel least = LogLevel::info)
      : sink_(&sink), folder_(folder), least_(least) {}

  Log in(std::string_view folder) const { return Log(*sink_, folder, least_); }
  bool on(LogLevel level) const { return level >= least_; }

  template <class... A>
  void debug(fmt::format_string<A...> text, A&&... args) const {
    line(LogLevel::debug, text, std::forward<A>(args)...);
  }
  template <class... A>
  void info(fmt::format_string<A...> text, A&&... args) const {
    line(LogLevel::info, text, std::forward<A>(args)...);
  }
  template <class... A>
  void warn(fmt::format_string<A...> text, A&&... args) const {
    line(LogLevel::warn, text, std::forward<A>(args)...);
  }
  template <class... A>
  void error(fmt::format_string<A...> text, A&&... args) const {
    line(LogLevel::error, text, std::forward<A>(args)...);
  }

 private:
  template <class... A>
  void line(LogLevel level, fmt::format_string<A...> text, A&&... args) const {
    if (on(level)) sink_->write(level, folder_, fmt::vformat(text, fmt::make_format_args(args...)));
  }

  LogSink* sink_;
  std::string_view folder_;
  LogLevel least_;
};

/// Text from outside, safe to print: in quotes, control and non-ASCII bytes as \xNN, cut at 100
/// bytes.
std::string quoted(std::string_view text);

}  // namespace partita
