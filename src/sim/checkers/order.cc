#include "sim/checkers/order.h"

#include <fmt/core.h>

namespace partita::sim {
namespace {

void check_gapless(Findings& out, PartitionIndex partition, const PartitionContents& contents,
                   std::string_view what) {
  int64_t expected = 0;
  for (const ReadRecord& record : contents) {
    if (record.offset.value() != expected) {
      out.push_back(fmt::format("{} partition {}: offset {} where {} comes next", what,
                                partition.value(), record.offset.value(), expected));
    }
    expected = record.offset.value() + 1;
  }
}

}  // namespace

Findings check_order(const History& history) {
  Findings out;
  std::map<RecordName, const SentRecord*> sent;
  for (const SentRecord& record : history.sent) sent.emplace(record.name, &record);
  for (const auto& [partition, contents] : history.final) {
    check_gapless(out, partition, contents, "final");
    std::map<uint32_t, uint32_t> last;
    LeaderEpoch epoch = LeaderEpoch(0);
    for (const ReadRecord& record : contents) {
      if (record.leader_epoch < epoch) {
        out.push_back(fmt::format("partition {}, offset {}: leader epoch {} after {}",
                                  partition.value(), record.offset.value(),
                                  record.leader_epoch.value(), epoch.value()));
      }
      epoch = record.leader_epoch;
      const auto found = sent.find(record.name);
      if (found == sent.end() || found->second->partition != partition) {
        out.push_back(fmt::format("partition {} holds {}, which nobody sent there",
                                  partition.value(), record.name.to_string()));
        continue;
      }
      if (found->second->timestamp != record.timestamp) {
        out.push_back(fmt::format("{} has timestamp {}, not {}", record.name.to_string(),
                                  record.timestamp.ms(), found->second->timestamp.ms()));
      }
      if (!found->second->idempotent) continue;
      auto [at, is_first] = last.try_emplace(record.name.producer, record.name.number);
      if (!is_first && record.name.number < at->second) {
        out.push_back(fmt::format("partition {}: {} comes after number {}", partition.value(),
                                  record.name.to_string(), at->second));
      }
      at->second = record.name.number;
    }
  }
  // Where the log may lose its end, a consumer sees other records under the same offsets.
  if (history.loss_allowed()) return out;
  for (const auto& [partition, seen] : history.seen) check_gapless(out, partition, seen, "seen");
  return out;
}

}  // namespace partita::sim
