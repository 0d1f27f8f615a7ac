#pragma once
// What a dump of log files found wrong inside them, told at its end in the words of Kafka's
// DumpLogSegments.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace partita::cli {

struct DumpProblems {
  using Pairs = std::map<std::string, std::vector<std::pair<int64_t, int64_t>>>;

  Pairs index_mismatches;  ///< of each index file: its offset, the log's
  Pairs time_mismatches;   ///< its timestamp, the log's
  Pairs time_disorder;     ///< a timestamp, the one before it
  Pairs time_not_found;    ///< its offset, the log's
  Pairs gaps;              ///< of each log: an offset, the next one

  void tell(const std::function<void(std::string_view)>& err) const;
};

}  // namespace partita::cli
