#include "raft/raft_machine.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/fault_points.h"

namespace partita::raft {

namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

}  // namespace

size_t Votes::count(bool granted) const {
  return static_cast<size_t>(std::ranges::count_if(
      by_voter, [&](const auto& entry) { return entry.second == std::optional(granted); }));
}

RaftMachine::RaftMachine(RaftSettings settings, BootState boot, uint64_t random_seed)
    : settings_(settings),
      epoch_(boot.election.epoch),
      persisted_(boot.election),
      role_(Unattached{}),
      voters_(std::move(boot.voters)),
      voters_only_in_bootstrap_(boot.voters_only_in_bootstrap),
      epochs_(std::move(boot.epochs)),
      log_start_(boot.log_start),
      log_end_(boot.log_end),
      flushed_(boot.log_end),
      snapshot_(boot.snapshot),
      random_(random_seed | 1) {
  CHECK(log_start_ <= log_end_);
  if (snapshot_) high_watermark_ = snapshot_->offset;
}

Effects RaftMachine::start(Instant now) {
  now_ = now;
  const ElectionState boot = persisted_;
  if (boot.epoch < epochs_.last()) {
    COVERED("raft.boot_epoch_from_log");
    epoch_ = epochs_.last();
    role_ = Unattached{{}, kNoNode, now_ + election_timeout()};
    persist();
  } else if (boot.leader == settings_.self.id) {
    // A tail that was lost with the power must not be written again under the same epoch.
    role_ = Resigned{now_ + election_timeout()};
  } else if (boot.leader != kNoNode) {
    role_ = Follower{boot.leader, boot.voted, now_ + settings_.fetch_timeout, now_};
  } else {
    role_ = Unattached{boot.voted, kNoNode, now_ + election_timeout()};
  }
  if (voters_.is_only(settings_.self)) become_candidate();
  if (auto* follower = std::get_if<Follower>(&role_)) send_fetch(*follower);
  return std::exchange(effects_, {});
}

Effects RaftMachine::step(const Event& event, Instant now) {
  CHECK(effects_.empty());
  now_ = now;
  std::visit(
      Overloaded{
          [&](const VoteAnswer& answer) { on_vote_answer(answer); },
          [&](const QuorumEpochAnswer& answer) { on_quorum_epoch_answer(answer); },
          [&](const FetchAnswer& answer) { on_fetch_answer(answer); },
          [&](const Append& append) { on_append(append); },
          [&](const Flushed& flushed) { on_flushed(flushed.end); },
          [&](const SnapshotLoaded& loaded) { on_snapshot_loaded(loaded); },
          [&](const SnapshotTaken& taken) { on_snapshot_taken(taken); },
          [&](const Tick&) { on_tick(); },
          [&](const Resign&) { on_resign(); },
          [&](const Incoming& incoming) {
            auto response = std::visit(
                Overloaded{
                    [&](const VoteRequest& r) { return decltype(Reply::response)(vote(r)); },
                    [&](const BeginQuorumEpochRequest& r) {
                      return decltype(Reply::response)(begin_quorum_epoch(r));
                    },
                    [&](const EndQuorumEpochRequest& r) {
                      return decltype(Reply::response)(end_quorum_epoch(r));
                    },
                    [&](const FetchRequest& r) { return decltype(Reply::response)(fetch(r)); },
                    [&](const FetchSnapshotRequest& r) {
                      return decltype(Reply::response)(fetch_snapshot(r));
                    },
                },
                incoming.request);
            emit(Reply{incoming.id, std::move(response)});
          },
      },
      event);
  return std::exchange(effects_, {});
}

NodeId RaftMachine::leader() const {
  if (is_leader()) return settings_.self.id;
  if (const auto* follower = std::get_if<Follower>(&role_)) return follower->leader;
  if (const auto* prospective = std::get_if<Prospective>(&role_)) return prospective->leader;
  return kNoNode;
}

std::optional<ReplicaKey> RaftMachine::voted() const {
  if (const auto* unattached = std::get_if<Unattached>(&role_)) return unattached->voted;
  if (const auto* prospective = std::get_if<Prospective>(&role_)) return prospective->voted;
  if (const auto* follower = std::get_if<Follower>(&role_)) return follower->voted;
  if (std::holds_alternative<Candidate>(role_)) return settings_.self;
  return std::nullopt;
}

LeaderEpoch RaftMachine::epoch_at(Offset offset) const {
  LeaderEpoch found(0);
  if (snapshot_ && snapshot_->offset > offset) found = snapshot_->epoch;
  for (const OffsetAndEpoch& entry : epochs_.entries()) {
    if (entry.offset <= offset) found = entry.epoch;
  }
  return found;
}

void RaftMachine::persist() {
  const ElectionState state{
      epoch_, is_leader() || std::holds_alternative<Follower>(role_) ? leader() : kNoNode, voted()};
  if (state == persisted_) return;
  CHECK(state.epoch >= persisted_.epoch);
  persisted_ = state;
  if (mutant("raft.skip_persist")) return;
  emit(Persist{state});
}

Duration RaftMachine::election_timeout() {
  // xorshift64: spreads the voters' timeouts; no secret hangs on it.
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return settings_.election_timeout +
         Duration(static_cast<int64_t>(random_ %
                                       static_cast<uint64_t>(settings_.election_timeout.count())));
}

ReplicaKey RaftMachine::key_of(NodeId id) const {
  const Voter* voter = voters_.find(id);
  return voter != nullptr ? voter->key : ReplicaKey{id, {}};
}

// --- transitions ---

void RaftMachine::become_unattached(LeaderEpoch epoch, NodeId last_leader) {
  CHECK(epoch >= epoch_);
  const std::optional<ReplicaKey> kept = epoch == epoch_ ? voted() : std::nullopt;
  epoch_ = epoch;
  role_ = Unattached{kept, last_leader, now_ + election_timeout()};
  persist();
  emit(RoleChanged{epoch_, kNoNode});
}

void RaftMachine::become_prospective() {
  CHECK(is_voter());
  Prospective next{fresh_votes(), voted(), leader(), now_ + election_timeout(),
                   now_ + settings_.request_retry};
  role_ = std::move(next);
  if (voters_.is_only(settings_.self)) return become_candidate();
  request_votes(true, std::get<Prospective>(role_).votes);
}

void RaftMachine::become_candidate() {
  CHECK(is_voter());
  epoch_ = LeaderEpoch(epoch_.value() + 1);
  role_ = Candidate{fresh_votes(), now_ + election_timeout(), now_ + settings_.request_retry};
  const Votes& votes = std::get<Candidate>(role_).votes;
  if (votes.count(true) >= voters_.majority()) return become_leader({settings_.self.id});
  persist();
  emit(RoleChanged{epoch_, kNoNode});
  request_votes(false, votes);
}

void RaftMachine::become_follower(LeaderEpoch epoch, NodeId leader) {
  CHECK(epoch >= epoch_);
  CHECK(leader != settings_.self.id);
  const std::optional<ReplicaKey> kept = epoch == epoch_ ? voted() : std::nullopt;
  epoch_ = epoch;
  role_ = Follower{leader, kept, now_ + settings_.fetch_timeout, now_};
  persist();
  emit(RoleChanged{epoch_, leader});
  send_fetch(std::get<Follower>(role_));
}

void RaftMachine::become_resigned() {
  CHECK(is_leader());
  const Leader& self = std::get<Leader>(role_);
  std::vector<std::pair<Offset, ReplicaKey>> successors;
  for (const auto& [id, progress] : self.voters)
    successors.emplace_back(progress.end, progress.key);
  std::ranges::sort(successors, [](const auto& a, const auto& b) {
    return std::pair(b.first, a.second) < std::pair(a.first, b.second);
  });
  EndQuorumEpochRequest end{settings_.self.id, epoch_, {}};
  for (const auto& [offset, key] : successors) end.preferred_successors.push_back(key);
  role_ = Resigned{now_ + election_timeout()};
  for (const auto& [offset, key] : successors) emit(Send{key, end});
  emit(RoleChanged{epoch_, kNoNode});
}

// --- elections ---

Votes RaftMachine::fresh_votes() const {
  Votes votes;
  for (const auto& [id, voter] : voters_.voters()) votes.by_voter[id] = std::nullopt;
  votes.by_voter[settings_.self.id] = true;
  return votes;
}

void RaftMachine::request_votes(bool pre_vote, const Votes& votes) {
  for (const auto& [id, granted] : votes.by_voter) {
    if (granted) continue;
    const ReplicaKey to = key_of(id);
    emit(Send{to, VoteRequest{settings_.self, to, epoch_, {log_end_, epochs_.last()}, pre_vote}});
  }
}

void RaftMachine::on_vote_answer(const VoteAnswer& answer) {
  if (!follow(answer.response.standing)) return;
  if (answer.asked_in != epoch_) return;
  if (auto* self = std::get_if<Prospective>(&role_); self != nullptr && answer.pre_vote) {
    if (answer.response.standing.error == Errc::unsupported_version) {
      COVERED("raft.peer_without_pre_vote");
      return become_candidate();
    }
    if (answer.response.standing.error || !self->votes.by_voter.contains(answer.from)) return;
    self->votes.by_voter[answer.from] = answer.response.granted;
    if (self->votes.count(true) >= voters_.majority()) return become_candidate();
    if (self->votes.count(false) >= voters_.majority()) {
      const NodeId known = self->leader;
      return known != kNoNode ? become_follower(epoch_, known) : become_unattached(epoch_, kNoNode);
    }
    return;
  }
  auto* self = std::get_if<Candidate>(&role_);
  if (self == nullptr || answer.pre_vote || answer.response.standing.error) return;
  if (!self->votes.by_voter.contains(answer.from)) return;
  self->votes.by_voter[answer.from] = answer.response.granted;
  const size_t needed = mutant("raft.minority_elects") ? 1 : voters_.majority();
  if (self->votes.count(true) >= needed) {
    std::vector<NodeId> granting;
    for (const auto& [id, granted] : self->votes.by_voter) {
      if (granted == std::optional(true)) granting.push_back(id);
    }
    return become_leader(std::move(granting));
  }
  // A whole randomised timeout passes before the next try: shorter backoffs can chase each other
  // for ever.
  if (self->votes.count(false) >= voters_.majority()) self->rejected = true;
}

void RaftMachine::on_quorum_epoch_answer(const QuorumEpochAnswer& answer) {
  if (!follow(answer.response.standing)) return;
  auto* self = std::get_if<Leader>(&role_);
  if (self == nullptr || answer.response.standing.error) return;
  if (const auto at = self->voters.find(answer.from); at != self->voters.end())
    at->second.acknowledged = true;
}

bool RaftMachine::follow(const Standing& standing) {
  if (standing.epoch < epoch_) return false;
  if (standing.epoch.value() - epoch_.value() > settings_.epoch_jump_max) {
    COVERED("raft.epoch_jump");
    return false;
  }
  const NodeId known = leader();
  if (standing.epoch > epoch_) {
    if (standing.leader != kNoNode && standing.leader != settings_.self.id) {
      become_follower(standing.epoch, standing.leader);
    } else {
      become_unattached(standing.epoch, kNoNode);
    }
    return true;
  }
  if (standing.leader == kNoNode || standing.leader == known) return true;
  if (known != kNoNode || standing.leader == settings_.self.id) {
    if (std::holds_alternative<Resigned>(role_) && standing.leader == settings_.self.id)
      return true;
    emit(Fail{{Errc::inconsistent_voter_set, "two leaders in one epoch of the metadata quorum"}});
    return false;
  }
  if (!std::holds_alternative<Resigned>(role_)) become_follower(epoch_, standing.leader);
  return true;
}

std::optional<Standing> RaftMachine::refuse_epoch(LeaderEpoch epoch) const {
  if (epoch < epoch_) return standing(Errc::fenced_leader_epoch);
  if (epoch.value() - epoch_.value() > settings_.epoch_jump_max)
    return standing(Errc::invalid_request);
  return std::nullopt;
}

VoteResponse RaftMachine::vote(const VoteRequest& request) {
  const bool epoch_wrong =
      request.pre_vote ? request.last.epoch > request.epoch : request.last.epoch >= request.epoch;
  if (request.last.offset < Offset(0) || request.last.epoch < LeaderEpoch(0) || epoch_wrong) {
    return {standing(Errc::invalid_request)};
  }
  if (const auto refused = refuse_epoch(request.epoch)) return {*refused};
  if (request.candidate.id < NodeId(0)) return {standing(Errc::invalid_request)};
  if (request.epoch > epoch_) become_unattached(request.epoch, kNoNode);
  if (request.voter && *request.voter != settings_.self) return {standing(Errc::invalid_voter_key)};
  const OffsetAndEpoch own{log_end_, epochs_.last()};
  const bool up_to_date =
      std::pair(request.last.epoch, request.last.offset) >= std::pair(own.epoch, own.offset);
  const bool granted = grants(request, up_to_date || mutant("raft.vote_for_shorter_log"));
  if (granted && !request.pre_vote) {
    if (auto* self = std::get_if<Unattached>(&role_)) self->voted = request.candidate;
    if (auto* self = std::get_if<Prospective>(&role_)) {
      // A vote ends the own try.
      role_ = Unattached{request.candidate, self->leader, now_ + election_timeout()};
    }
    persist();
  }
  return {standing(), granted};
}

bool RaftMachine::grants(const VoteRequest& request, bool up_to_date) const {
  if (is_leader()) return false;
  if (request.pre_vote) {
    if (const auto* self = std::get_if<Follower>(&role_)) return up_to_date && !self->fetched;
    return up_to_date;
  }
  if (std::holds_alternative<Follower>(role_)) return false;
  if (std::holds_alternative<Candidate>(role_) || std::holds_alternative<Resigned>(role_))
    return false;
  if (const auto cast = voted()) return *cast == request.candidate;
  if (leader() != kNoNode) return false;
  return up_to_date;
}

QuorumEpochResponse RaftMachine::begin_quorum_epoch(const BeginQuorumEpochRequest& request) {
  if (const auto refused = refuse_epoch(request.epoch)) return {*refused};
  if (request.leader < NodeId(0) || request.leader == settings_.self.id)
    return {standing(Errc::invalid_request)};
  if (request.voter && *request.voter != settings_.self) return {standing(Errc::invalid_voter_key)};
  follow({std::nullopt, request.epoch, request.leader});
  return {standing()};
}

QuorumEpochResponse RaftMachine::end_quorum_epoch(const EndQuorumEpochRequest& request) {
  if (const auto refused = refuse_epoch(request.epoch)) return {*refused};
  if (request.leader < NodeId(0)) return {standing(Errc::invalid_request)};
  if (request.epoch > epoch_) become_unattached(request.epoch, kNoNode);
  const auto* self = std::get_if<Follower>(&role_);
  if (self == nullptr || self->leader != request.leader || !is_voter()) return {standing()};
  const auto& wanted = request.preferred_successors;
  const auto at = std::ranges::find(wanted, settings_.self);
  if (at == wanted.begin() && at != wanted.end()) {
    // The leader is gone: its refusal must not hold up its successor.
    become_unattached(epoch_, kNoNode);
    become_prospective();
  } else {
    const auto place = at == wanted.end() ? 3 : std::min<long>(at - wanted.begin(), 3);
    become_unattached(epoch_, kNoNode);
    std::get<Unattached>(role_).election_at = now_ + election_timeout() * place / 2;
  }
  return {standing()};
}

void RaftMachine::on_resign() {
  if (is_leader() && voters_.size() > 1) become_resigned();
}

// --- time ---

Instant RaftMachine::next_tick() const {
  return std::visit(
      Overloaded{
          [&](const Unattached& self) { return is_voter() ? self.election_at : kNoDeadline; },
          [](const Prospective& self) { return std::min(self.until, self.resend_at); },
          [](const Candidate& self) {
            return self.rejected ? self.until : std::min(self.until, self.resend_at);
          },
          [](const Leader& self) { return std::min(self.check_quorum_at, self.begin_epoch_at); },
          [&](const Follower& self) {
            const Instant timeout = is_voter() ? self.fetch_timeout_at : kNoDeadline;
            return self.waiting ? timeout : std::min(timeout, self.fetch_at);
          },
          [](const Resigned& self) { return self.until; },
      },
      role_);
}

void RaftMachine::on_tick() {
  if (auto* self = std::get_if<Unattached>(&role_)) {
    if (is_voter() && now_ >= self->election_at) become_prospective();
  } else if (auto* self = std::get_if<Prospective>(&role_)) {
    if (now_ >= self->until) {
      const NodeId known = self->leader;
      return known != kNoNode ? become_follower(epoch_, known) : become_unattached(epoch_, kNoNode);
    }
    if (now_ < self->resend_at) return;
    self->resend_at = now_ + settings_.request_retry;
    request_votes(true, self->votes);
  } else if (auto* self = std::get_if<Candidate>(&role_)) {
    if (now_ >= self->until) return become_prospective();
    if (self->rejected || now_ < self->resend_at) return;
    self->resend_at = now_ + settings_.request_retry;
    request_votes(false, self->votes);
  } else if (auto* self = std::get_if<Leader>(&role_)) {
    leader_tick(*self);
  } else if (auto* self = std::get_if<Follower>(&role_)) {
    if (is_voter() && now_ >= self->fetch_timeout_at) return become_prospective();
    if (!self->waiting && now_ >= self->fetch_at) send_fetch(*self);
  } else if (auto* self = std::get_if<Resigned>(&role_)) {
    if (now_ >= self->until) become_unattached(LeaderEpoch(epoch_.value() + 1), kNoNode);
  }
}

}  // namespace partita::raft
