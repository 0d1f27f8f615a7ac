#pragma once
// What --reset-offsets of kafka-consumer-groups reads and writes beside the cluster: times, lengths
// of time, and CSV.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "client/topic_view.h"

namespace partita::cli::kafka {

/// "2026-11-22T12:00:00.000", in UTC unless a zone follows ("Z", "+01", "+0100", "+01:00"), in
/// milliseconds since 1970. The Java tool's words where it is none.
Result<int64_t> parse_datetime(std::string_view text);
/// "P1DT2H3M4.5S", in milliseconds, each part perhaps with a sign.
Result<int64_t> parse_duration_ms(std::string_view text);

struct PlannedOffset {
  std::string group;  ///< empty where lines have three columns
  client::TopicPartition partition;
  int64_t offset = 0;
};
/// Lines of "topic,partition,offset", or with the group in front; names may be quoted.
Result<std::vector<PlannedOffset>> parse_reset_plan(std::string_view csv);
/// One such line, with its end; without a group where that is empty.
std::string reset_plan_line(const PlannedOffset& planned);

}  // namespace partita::cli::kafka
