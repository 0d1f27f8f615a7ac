#include "sim/checkers/duplicates.h"

#include <fmt/core.h>

namespace partita::sim {

Findings check_duplicates(const History& history) {
  Findings out;
  std::map<RecordName, bool> idempotent;
  for (const SentRecord& record : history.sent) idempotent[record.name] = record.idempotent;
  std::map<RecordName, Offset> first;
  for (const auto& [partition, contents] : history.final) {
    for (const ReadRecord& record : contents) {
      const auto [at, is_first] = first.try_emplace(record.name, record.offset);
      if (is_first || !idempotent[record.name]) continue;
      out.push_back(fmt::format("partition {}: {} is at offset {} and at {}", partition.value(),
                                record.name.to_string(), at->second.value(),
                                record.offset.value()));
    }
  }
  return out;
}

}  // namespace partita::sim
