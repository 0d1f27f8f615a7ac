#include "raft/epoch_starts.h"

#include "base/check.h"

namespace partita::raft {

void EpochStarts::append(LeaderEpoch epoch, Offset start) {
  CHECK(epoch >= last());
  if (!entries_.empty() && entries_.back().epoch == epoch) return;
  CHECK(entries_.empty() || start >= entries_.back().offset);
  entries_.push_back({start, epoch});
}

void EpochStarts::truncate(Offset end) {
  while (!entries_.empty() && entries_.back().offset >= end) entries_.pop_back();
}

void EpochStarts::reset(OffsetAndEpoch snapshot) {
  entries_.clear();
  before_ = snapshot;
}

void EpochStarts::trim(Offset start) {
  while (!entries_.empty() && entries_.front().offset < start) {
    before_ = {start, entries_.front().epoch};
    entries_.erase(entries_.begin());
  }
  if (before_.offset < start) before_.offset = start;
  // The epoch in force at the start goes on from there.
  if (entries_.empty() || entries_.front().offset > start) {
    entries_.insert(entries_.begin(), {start, before_.epoch});
  }
}

LeaderEpoch EpochStarts::last() const {
  return entries_.empty() ? before_.epoch : entries_.back().epoch;
}

OffsetAndEpoch EpochStarts::end_of(LeaderEpoch epoch, Offset log_end) const {
  OffsetAndEpoch found = before_;
  for (size_t i = 0; i < entries_.size(); i++) {
    if (entries_[i].epoch > epoch) {
      found.offset = entries_[i].offset;
      break;
    }
    found = {i + 1 < entries_.size() ? entries_[i + 1].offset : log_end, entries_[i].epoch};
  }
  if (entries_.empty()) found.offset = log_end;
  return found;
}

}  // namespace partita::raft
