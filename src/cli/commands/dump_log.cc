// partita dump-log, which is kafka-dump-log: the same flags, the same text.

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/kafka/tools.h"

namespace partita::cli {

int run_dump_log(std::span<const std::string> arguments) {
  // Files may also stand alone: `partita dump-log 00000000000000000000.log`.
  std::vector<std::string> flags;
  std::string files;
  for (size_t i = 0; i < arguments.size(); i++) {
    const std::string& argument = arguments[i];
    const bool is_value =
        i > 0 && (arguments[i - 1] == "--max-bytes" || arguments[i - 1] == "--max-message-size" ||
                  arguments[i - 1] == "--files");
    if (argument.starts_with('-') || is_value) {
      flags.push_back(argument);
    } else {
      files += (files.empty() ? "" : ",") + argument;
    }
  }
  if (!files.empty()) {
    flags.push_back("--files");
    flags.push_back(files);
  }
  return kafka::run_dump_log(flags);
}

}  // namespace partita::cli
