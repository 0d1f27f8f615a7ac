#include "sim/checkers/acknowledged.h"

#include <fmt/core.h>

#include <algorithm>

namespace partita::sim {
namespace {

using ByOffset = std::map<Offset, RecordName>;

/// Somebody was told that a record is in the log.
struct Promise {
  const char* what;
  RecordName name;
  Offset offset;
  Instant when;
  size_t bytes;
  bool kept = false;
};
using Promises = std::map<PartitionIndex, std::vector<Promise>>;

Promises promises_of(const History& history) {
  Promises all;
  for (const SentRecord& sent : history.sent) {
    if (!sent.answer || !*sent.answer || **sent.answer == kNoOffset) continue;
    all[sent.partition].push_back(
        {"acknowledged", sent.name, **sent.answer, sent.answered, sent.value_bytes});
  }
  for (const auto& [partition, seen] : history.seen) {
    for (const ReadRecord& record : seen) {
      all[partition].push_back({"consumed", record.name, record.offset, record.read, 0});
    }
  }
  return all;
}

std::string words(const Promise& promise, PartitionIndex partition) {
  return fmt::format("{} record {} of partition {}, offset {}, at {} ms", promise.what,
                     promise.name.to_string(), partition.value(), promise.offset.value(),
                     to_ms(promise.when.since_start()));
}

/// The first cut that can have taken it: every later one found it gone or finds it safe.
const LossyCut* cut_of(const History& history, const Promise& promise) {
  for (const LossyCut& cut : history.lossy_cuts) {
    if (promise.when <= cut.at + kAnswerDelayMax && promise.when >= cut.safe_before) return &cut;
  }
  return nullptr;
}

bool cut_between(const History& history, Instant first, Instant second) {
  return std::ranges::any_of(history.lossy_cuts, [&](const LossyCut& cut) {
    return cut.at + kAnswerDelayMax >= first && cut.at <= second;
  });
}

/// What is gone is an end of the log: nothing behind it, of before the same cut, is left.
void expect_only_ends(Findings& out, const History& history, PartitionIndex partition,
                      const std::vector<Promise>& promises) {
  for (const Promise& lost : promises) {
    if (lost.kept) continue;
    for (const Promise& behind : promises) {
      if (!behind.kept || behind.offset <= lost.offset) continue;
      if (behind.when > lost.when && cut_between(history, lost.when, behind.when)) continue;
      out.push_back(words(lost, partition) + " is lost, but not " + words(behind, partition));
      break;
    }
  }
}

void expect_few_bytes(Findings& out, const History& history, PartitionIndex partition,
                      const std::vector<Promise>& promises) {
  for (const LossyCut& cut : history.lossy_cuts) {
    if (!cut.bytes_max) continue;
    size_t bytes = 0;
    for (const Promise& lost : promises) {
      // What came while the flush ran is not counted.
      if (lost.kept || lost.when > cut.at - kFlushMax) continue;
      if (cut_of(history, lost) == &cut) bytes += lost.bytes;
    }
    if (static_cast<int64_t>(bytes) <= *cut.bytes_max) continue;
    out.push_back(fmt::format("partition {} lost {} bytes, more than {}", partition.value(), bytes,
                              *cut.bytes_max));
  }
}

}  // namespace

Findings check_acknowledged(const History& history) {
  Findings out;
  for (auto& [partition, promises] : promises_of(history)) {
    ByOffset log;
    if (const auto contents = history.final.find(partition); contents != history.final.end()) {
      for (const ReadRecord& record : contents->second) log.emplace(record.offset, record.name);
    }
    for (Promise& promise : promises) {
      const auto at = log.find(promise.offset);
      promise.kept = at != log.end() && at->second == promise.name;
      if (promise.kept || cut_of(history, promise) != nullptr) continue;
      out.push_back(words(promise, partition) + ": the log has " +
                    (at == log.end() ? "nothing" : at->second.to_string()) + " there");
    }
    if (!history.loss_allowed()) continue;
    expect_only_ends(out, history, partition, promises);
    expect_few_bytes(out, history, partition, promises);
  }
  return out;
}

}  // namespace partita::sim
