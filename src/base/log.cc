#include "base/log.h"

namespace partita {

std::string_view log_level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "DEBUG";
    case LogLevel::info: return "INFO";
    case LogLevel::warn: return "WARN";
    case LogLevel::error: return "ERROR";
  }
  return "?";
}

LogSink& null_log_sink() {
  struct Null : LogSink {
    void write(LogLevel, std::string_view, std::string_view) override {}
  };
  static Null sink;  // has no state
  return sink;
}

std::string quoted(std::string_view text) {
  constexpr size_t kBytesMax = 100;
  std::string out = "'";
  for (unsigned char c : text.substr(0, kBytesMax)) {
    if (c < 0x20 || c >= 0x7f || c == '\\' || c == '\'') {
      out += fmt::format("\\x{:02x}", c);
    } else {
      out += static_cast<char>(c);
    }
  }
  return out + (text.size() > kBytesMax ? "'..." : "'");
}

}  // namespace partita
