#include "runtime/linux/stdout_log_sink.h"

#include <fmt/format.h>
#include <unistd.h>

#include <ctime>
#include <iterator>

#include "runtime/linux/descriptor.h"

namespace partita {

void StdoutLogSink::write(LogLevel level, std::string_view folder, std::string_view line) {
  timespec at{};
  clock_gettime(CLOCK_REALTIME, &at);
  tm local{};
  localtime_r(&at.tv_sec, &local);
  fmt::basic_memory_buffer<char, 512> text;
  fmt::format_to(std::back_inserter(text),
                 "[{:04}-{:02}-{:02} {:02}:{:02}:{:02},{:03}] {} {} ({})\n", local.tm_year + 1900,
                 local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                 at.tv_nsec / 1'000'000, log_level_name(level), line, folder);
  std::string_view rest(text.data(), text.size());
  while (!rest.empty()) {
    const ssize_t count = retry_interrupted([&] { return ::write(fd_, rest.data(), rest.size()); });
    if (count <= 0) return;
    rest.remove_prefix(static_cast<size_t>(count));
  }
}

}  // namespace partita
