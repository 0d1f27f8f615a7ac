// What RaftMachine does as leader of an epoch and as its follower: appends, fetches, the high
// watermark, snapshots.

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/fault_points.h"
#include "raft/raft_machine.h"

namespace partita::raft {

namespace {

constexpr Duration kObserverForgottenAfter = 300s;

}  // namespace

// --- leading ---

void RaftMachine::become_leader(std::vector<NodeId> granting) {
  Leader next;
  next.epoch_start = log_end_;
  for (const auto& [id, voter] : voters_.voters()) {
    if (id == settings_.self.id) continue;
    next.voters.emplace(id, Progress{voter.key, kNoOffset, now_, now_});
  }
  next.check_quorum_at = next.voters.empty() ? kNoDeadline : now_ + settings_.fetch_timeout * 3 / 2;
  next.begin_epoch_at = next.voters.empty() ? kNoDeadline : now_;
  role_ = std::move(next);
  persist();
  const AppendEpochStart opening{epoch_, log_end_, std::move(granting), voters_only_in_bootstrap_};
  voters_only_in_bootstrap_ = false;
  epochs_.append(epoch_, log_end_);
  log_end_ = log_end_ + OffsetDelta(opening.record_count());
  emit(opening);
  emit(RoleChanged{epoch_, settings_.self.id});
  leader_tick(std::get<Leader>(role_));
}

void RaftMachine::on_append(const Append& append) {
  CHECK(append.count > 0);
  // Who believes in another epoch learns of the change by RoleChanged; its records go nowhere.
  if (!is_leader() || append.epoch != epoch_) return;
  emit(AppendRecords{epoch_, log_end_});
  log_end_ = log_end_ + OffsetDelta(append.count);
  if (mutant("raft.count_unflushed")) advance_high_watermark();
}

void RaftMachine::on_flushed(Offset end) {
  CHECK(end <= log_end_);
  flushed_ = std::max(flushed_, end);
  if (is_leader()) return advance_high_watermark();
  if (auto* self = std::get_if<Follower>(&role_);
      self != nullptr && self->waiting && flushed_ == log_end_) {
    self->waiting = false;
    send_fetch(*self);
  }
}

void RaftMachine::advance_high_watermark() {
  const Leader& self = std::get<Leader>(role_);
  std::vector<Offset> ends;
  for (const auto& [id, progress] : self.voters) ends.push_back(progress.end);
  if (is_voter()) ends.push_back(mutant("raft.count_unflushed") ? log_end_ : flushed_);
  if (ends.empty()) return;
  std::ranges::sort(ends, std::greater<>());
  const size_t nth = mutant("raft.commit_by_fastest") ? 0 : ends.size() / 2;
  // Records of earlier epochs commit only together with one of this epoch.
  if (ends[nth] <= self.epoch_start) return;
  raise_high_watermark(ends[nth]);
}

void RaftMachine::raise_high_watermark(Offset offset) {
  if (high_watermark_ != kNoOffset && offset <= high_watermark_) return;
  high_watermark_ = offset;
  emit(HighWatermark{offset});
}

std::optional<Standing> RaftMachine::refuse_leader_only(LeaderEpoch epoch) const {
  if (epoch < epoch_) return standing(Errc::fenced_leader_epoch);
  if (epoch > epoch_) return standing(Errc::unknown_leader_epoch);
  if (!is_leader()) return standing(Errc::not_leader_or_follower);
  return std::nullopt;
}

FetchResponse RaftMachine::fetch(const FetchRequest& request) {
  if (request.fetch_offset < Offset(0) || request.last_fetched_epoch < LeaderEpoch(0) ||
      request.last_fetched_epoch > request.current_leader_epoch) {
    return {standing(Errc::invalid_request)};
  }
  if (const auto refused = refuse_leader_only(request.current_leader_epoch)) return {*refused};
  // The node's own broker reads as an observer does: what is committed.
  const bool voter = request.replica.id != settings_.self.id && voters_.contains(request.replica);
  FetchResponse response = read_for(request, voter);
  if (!response.diverging && !response.snapshot) {
    note_progress(request);
    response.high_watermark = high_watermark_;
    if (!voter) response.read_end = high_watermark_ == kNoOffset ? Offset(0) : high_watermark_;
  }
  return response;
}

FetchResponse RaftMachine::read_for(const FetchRequest& request, bool voter) const {
  FetchResponse response{standing(), high_watermark_};
  response.read_end = log_end_;
  if (request.fetch_offset == Offset(0) && snapshot_) {
    response.snapshot = snapshot_;
    return response;
  }
  if (request.fetch_offset == Offset(0) && log_start_ == Offset(0)) return response;
  const LeaderEpoch before = epochs_.before_start().epoch;
  const bool before_log =
      request.fetch_offset < log_start_ || request.last_fetched_epoch < before ||
      (request.fetch_offset == log_start_ && request.last_fetched_epoch != before);
  if (before_log) {
    if (!snapshot_) return {standing(Errc::unknown_server_error)};
    response.snapshot = snapshot_;
    return response;
  }
  const OffsetAndEpoch end = epochs_.end_of(request.last_fetched_epoch, log_end_);
  const bool diverges =
      end.epoch != request.last_fetched_epoch || end.offset < request.fetch_offset;
  if (diverges && !mutant("raft.ignore_divergence")) {
    COVERED("raft.divergence_told");
    response.diverging = end;
  }
  // An observer is served what is committed: past that it has nothing to read, and nothing to
  // diverge from.
  if (!voter && request.fetch_offset > log_end_) response.diverging = end;
  return response;
}

void RaftMachine::note_progress(const FetchRequest& request) {
  Leader& self = std::get<Leader>(role_);
  if (request.replica.id < NodeId(0) || request.replica.id == settings_.self.id) return;
  if (!voters_.contains(request.replica)) {
    auto [at, added] = self.observers.try_emplace(request.replica, Progress{request.replica});
    note(at->second, request);
    std::erase_if(self.observers, [&](const auto& entry) {
      return now_ - entry.second.last_fetch > kObserverForgottenAfter;
    });
    return;
  }
  Progress& progress = self.voters.at(request.replica.id);
  note(progress, request);
  progress.acknowledged = true;
  advance_high_watermark();
  if (heard_from_majority(self, now_ - settings_.fetch_timeout)) {
    self.check_quorum_at = now_ + settings_.fetch_timeout * 3 / 2;
  }
}

void RaftMachine::note(Progress& progress, const FetchRequest& request) {
  progress.end = std::max(progress.end, request.fetch_offset);
  progress.last_fetch = now_;
  if (request.fetch_offset >= log_end_) progress.last_caught_up = now_;
}

bool RaftMachine::heard_from_majority(const Leader& self, Instant since) const {
  size_t heard = is_voter() ? 1 : 0;
  for (const auto& [id, progress] : self.voters) {
    if (progress.end != kNoOffset && progress.last_fetch >= since) heard++;
  }
  return heard >= voters_.majority();
}

void RaftMachine::leader_tick(Leader& self) {
  if (now_ >= self.check_quorum_at) {
    if (!heard_from_majority(self, now_ - settings_.fetch_timeout * 3 / 2)) {
      COVERED("raft.quorum_lost");
      return become_resigned();
    }
    self.check_quorum_at = now_ + settings_.fetch_timeout * 3 / 2;
  }
  if (now_ < self.begin_epoch_at) return;
  self.begin_epoch_at = now_ + settings_.fetch_timeout / 2;
  for (const auto& [id, progress] : self.voters) {
    if (progress.acknowledged && now_ - progress.last_fetch < settings_.fetch_timeout / 2) continue;
    emit(Send{progress.key, BeginQuorumEpochRequest{settings_.self.id, epoch_, progress.key}});
  }
}

QuorumEpochResponse RaftMachine::fetch_snapshot(const FetchSnapshotRequest& request) {
  if (const auto refused = refuse_leader_only(request.current_leader_epoch)) return {*refused};
  Leader& self = std::get<Leader>(role_);
  // A download keeps the quorum's clock running as a Fetch does.
  if (const auto at = self.voters.find(request.replica.id);
      at != self.voters.end() && voters_.contains(request.replica)) {
    at->second.last_fetch = now_;
  }
  return {standing()};
}

void RaftMachine::on_snapshot_taken(const SnapshotTaken& taken) {
  CHECK(high_watermark_ != kNoOffset);
  CHECK(taken.snapshot.offset <= high_watermark_);
  CHECK(taken.log_start <= taken.snapshot.offset);
  snapshot_ = taken.snapshot;
  if (taken.log_start <= log_start_) return;
  log_start_ = taken.log_start;
  epochs_.trim(log_start_);
}

// --- following ---

void RaftMachine::send_fetch(Follower& self) {
  self.waiting = true;
  emit(Send{key_of(self.leader), FetchRequest{settings_.self, epoch_, log_end_, epochs_.last()}});
}

void RaftMachine::on_fetch_answer(const FetchAnswer& answer) {
  const LeaderEpoch before = epoch_;
  if (!follow(answer.response.standing)) {
    if (auto* self = std::get_if<Follower>(&role_); self != nullptr && answer.asked_in == epoch_) {
      self->waiting = false;
      self->fetch_at = now_ + settings_.fetch_backoff;
    }
    return;
  }
  auto* self = std::get_if<Follower>(&role_);
  // An answer to a question of an earlier epoch says nothing about this one's log.
  if (self == nullptr || answer.asked_in != epoch_ || before != epoch_ ||
      answer.from != self->leader)
    return;
  self->waiting = false;
  if (answer.response.standing.error) {
    self->fetch_at = now_ + settings_.fetch_backoff;
    return;
  }
  self->fetched = true;
  self->fetch_timeout_at = now_ + settings_.fetch_timeout;
  take_records(*self, answer);
}

void RaftMachine::take_records(Follower& self, const FetchAnswer& answer) {
  const FetchResponse& response = answer.response;
  if (response.diverging) {
    const OffsetAndEpoch own = epochs_.end_of(response.diverging->epoch, log_end_);
    const Offset cut = std::min(response.diverging->offset, own.offset);
    if (high_watermark_ != kNoOffset && cut < high_watermark_) {
      return emit(Fail{{Errc::corrupt_data, "the leader's log diverges below the committed end"}});
    }
    COVERED("raft.truncated");
    log_end_ = std::min(log_end_, cut);
    flushed_ = std::min(flushed_, log_end_);
    epochs_.truncate(log_end_);
    emit(Truncate{log_end_});
    return send_fetch(self);
  }
  if (response.snapshot) {
    self.waiting = true;
    return emit(DownloadSnapshot{self.leader, *response.snapshot});
  }
  for (const FetchedBatch& batch : answer.batches) {
    if (batch.base != log_end_ || batch.next <= batch.base || batch.epoch > epoch_ ||
        batch.epoch < epochs_.last()) {
      COVERED("raft.bad_fetched_batch");
      break;
    }
    epochs_.append(batch.epoch, batch.base);
    log_end_ = batch.next;
  }
  const bool appended = log_end_ != flushed_;
  if (appended) {
    self.waiting = true;
    emit(AppendFetched{log_end_});
  }
  if (response.high_watermark != kNoOffset) {
    raise_high_watermark(std::min(log_end_, response.high_watermark));
  }
  if (!appended) send_fetch(self);
}

void RaftMachine::on_snapshot_loaded(const SnapshotLoaded& loaded) {
  CHECK(loaded.snapshot.offset >= log_end_ || loaded.snapshot.offset > high_watermark_);
  log_start_ = log_end_ = flushed_ = loaded.snapshot.offset;
  epochs_.reset(loaded.snapshot);
  snapshot_ = loaded.snapshot;
  raise_high_watermark(loaded.snapshot.offset);
  if (auto* self = std::get_if<Follower>(&role_)) {
    self->fetch_timeout_at = now_ + settings_.fetch_timeout;
    send_fetch(*self);
  }
}

// --- invariants ---

void RaftMachine::check_invariants() const {
  CHECK(log_start_ <= log_end_);
  CHECK(flushed_ <= log_end_);
  CHECK(epochs_.last() <= epoch_);
  CHECK(high_watermark_ <= log_end_);
  CHECK(persisted_.epoch <= epoch_);
  if (const auto* self = std::get_if<Leader>(&role_)) {
    CHECK(persisted_.epoch == epoch_);
    CHECK(self->epoch_start < log_end_);
    CHECK(epochs_.last() == epoch_);
  }
  if (std::holds_alternative<Candidate>(role_))
    CHECK(persisted_.voted == std::optional(settings_.self));
}

}  // namespace partita::raft
