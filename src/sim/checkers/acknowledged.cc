#include "sim/checkers/acknowledged.h"

#include <fmt/core.h>

namespace partita::sim {
namespace {

using ByOffset = std::map<Offset, RecordName>;

std::map<PartitionIndex, ByOffset> by_offset(const History& history) {
  std::map<PartitionIndex, ByOffset> all;
  for (const auto& [partition, contents] : history.final) {
    for (const ReadRecord& record : contents) all[partition].emplace(record.offset, record.name);
  }
  return all;
}

void expect_at(Findings& out, const ByOffset& log, PartitionIndex partition, Offset offset,
               RecordName name, std::string_view what) {
  const auto at = log.find(offset);
  if (at != log.end() && at->second == name) return;
  out.push_back(fmt::format("{} record {} of partition {}, offset {}: the log has {} there", what,
                            name.to_string(), partition.value(), offset.value(),
                            at == log.end() ? "nothing" : at->second.to_string()));
}

}  // namespace

Findings check_acknowledged(const History& history) {
  Findings out;
  if (history.loss_allowed) return out;
  auto logs = by_offset(history);
  for (const SentRecord& sent : history.sent) {
    if (!sent.answer || !*sent.answer || **sent.answer == kNoOffset) continue;
    expect_at(out, logs[sent.partition], sent.partition, **sent.answer, sent.name, "acknowledged");
  }
  for (const auto& [partition, seen] : history.seen) {
    for (const ReadRecord& record : seen) {
      expect_at(out, logs[partition], partition, record.offset, record.name, "consumed");
    }
  }
  return out;
}

}  // namespace partita::sim
