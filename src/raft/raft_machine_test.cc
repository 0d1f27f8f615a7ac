// A quorum of machines over a lossy, reordering network with crashes, from a seed; and the
// transcript of a lone voter.

#include "raft/raft_machine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "base/check.h"
#include "base/fault_points.h"

namespace partita::raft {
namespace {

struct Entry {
  LeaderEpoch epoch;
  uint64_t payload;
  bool operator==(const Entry&) const = default;
};

/// What a replica's disk holds: the log's flushed part and quorum-state survive a crash.
struct Replica {
  std::unique_ptr<RaftMachine> machine;
  std::vector<Entry> log;
  size_t flushed = 0;
  ElectionState election;
  uint64_t incarnation = 0;
};

struct Message {
  NodeId from;
  NodeId to;
  uint64_t to_incarnation;
  Event event;
  std::optional<decltype(Send::request)> request;  ///< a request to deliver instead of an event
  ReplicaKey sender;
  std::vector<Entry> entries =
      {};  ///< the records that an answer to Fetch carries, as they were when it was made
};

class Quorum {
 public:
  Quorum(size_t size, uint64_t seed) : random_(seed * 0x9e3779b97f4a7c15ull + 1) {
    std::vector<Voter> voters;
    for (size_t i = 0; i < size; i++)
      voters.push_back({ReplicaKey{NodeId(static_cast<int>(i)), Uuid::from_random(7, i)}});
    voters_ = VoterSet(voters);
    for (const auto& [id, voter] : voters_.voters()) boot(id);
  }

  void run(int steps) {
    for (int i = 0; i < steps && failure_.empty(); i++) one_step();
  }
  /// No more faults: everything must converge.
  void heal() {
    faulty_ = false;
    for (auto& [id, replica] : replicas_) {
      if (!replica.machine) boot(id);
    }
  }
  const std::string& failure() const { return failure_; }
  size_t committed() const { return committed_.size(); }
  std::optional<NodeId> leader_of_all() const {
    std::optional<NodeId> leader;
    for (const auto& [id, replica] : replicas_) {
      const NodeId known = replica.machine->leader();
      if (known == kNoNode || (leader && *leader != known)) return std::nullopt;
      leader = known;
    }
    return leader;
  }

 private:
  uint64_t draw(uint64_t below) {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return (random_ >> 11) % below;
  }

  void boot(NodeId id) {
    Replica& replica = replicas_[id];
    BootState state;
    state.election = replica.election;
    state.log_end = Offset(static_cast<int64_t>(replica.log.size()));
    for (size_t i = 0; i < replica.log.size(); i++) {
      if (i == 0 || replica.log[i].epoch != replica.log[i - 1].epoch) {
        state.epochs.append(replica.log[i].epoch, Offset(static_cast<int64_t>(i)));
      }
    }
    state.voters = voters_;
    replica.incarnation = ++incarnations_;
    replica.machine = std::make_unique<RaftMachine>(RaftSettings{.self = voters_.find(id)->key},
                                                    state, draw(1u << 30) + 1);
    apply(id, replica.machine->start(now_));
  }

  void crash(NodeId id) {
    Replica& replica = replicas_[id];
    replica.machine.reset();
    replica.log.resize(replica.flushed);
  }

  void one_step() {
    now_ = now_ + from_ms(static_cast<int64_t>(draw(12)));
    const uint64_t choice = draw(100);
    if (faulty_ && choice < 1) {
      const NodeId id(static_cast<int>(draw(voters_.size())));
      replicas_[id].machine ? crash(id) : boot(id);
    } else if (choice < 8) {
      append_something();
    } else if (choice < 40) {
      flush(NodeId(static_cast<int>(draw(voters_.size()))));
    } else if (!network_.empty()) {
      deliver(draw(std::min<size_t>(network_.size(), 6)));
    }
    for (auto& [id, replica] : replicas_) {
      if (replica.machine && replica.machine->next_tick() <= now_)
        apply(id, replica.machine->step(Tick{}, now_));
    }
    check();
  }

  void append_something() {
    for (auto& [id, replica] : replicas_) {
      if (!replica.machine || !replica.machine->is_leader()) continue;
      apply(id, replica.machine->step(Append{replica.machine->epoch(), 1}, now_));
    }
  }

  void flush(NodeId id) {
    Replica& replica = replicas_[id];
    if (!replica.machine || replica.flushed == replica.log.size()) return;
    replica.flushed = replica.log.size();
    apply(id, replica.machine->step(Flushed{Offset(static_cast<int64_t>(replica.flushed))}, now_));
  }

  void deliver(size_t index) {
    Message message = std::move(network_[index]);
    network_.erase(network_.begin() + static_cast<long>(index));
    if (faulty_ && draw(10) == 0) return;
    Replica& to = replicas_[message.to];
    if (!to.machine || (message.to_incarnation != 0 && to.incarnation != message.to_incarnation))
      return;
    if (!message.request) {
      carried_ = &message;
      apply(message.to, to.machine->step(message.event, now_));
      carried_ = nullptr;
      return;
    }
    Incoming incoming{++requests_, {}};
    std::visit([&](const auto& request) { incoming.request = request; }, *message.request);
    pending_ = &message;
    apply(message.to, to.machine->step(incoming, now_));
    pending_ = nullptr;
  }

  void apply(NodeId id, Effects effects) {
    for (Effect& effect : effects) {
      if (failure_.empty()) std::visit([&](auto& e) { apply_one(id, e); }, effect);
    }
    if (failure_.empty()) replicas_[id].machine->check_invariants();
  }

  void apply_one(NodeId id, Persist& e) { replicas_[id].election = e.state; }
  void apply_one(NodeId id, AppendEpochStart& e) {
    if (leaders_.contains(e.epoch) && leaders_[e.epoch] != id)
      failure_ = "two leaders in one epoch";
    leaders_[e.epoch] = id;
    for (int i = 0; i < e.record_count(); i++) replicas_[id].log.push_back({e.epoch, ++payloads_});
  }
  void apply_one(NodeId id, AppendRecords& e) {
    replicas_[id].log.push_back({e.epoch, ++payloads_});
  }
  void apply_one(NodeId id, AppendFetched& e) {
    Replica& replica = replicas_[id];
    for (const Entry& entry : carried_->entries) {
      if (static_cast<int64_t>(replica.log.size()) < e.end.value()) replica.log.push_back(entry);
    }
  }
  void apply_one(NodeId id, Truncate& e) {
    Replica& replica = replicas_[id];
    replica.log.resize(static_cast<size_t>(e.end.value()));
    replica.flushed = std::min(replica.flushed, replica.log.size());
  }
  void apply_one(NodeId, DownloadSnapshot&) { failure_ = "no snapshot here"; }
  void apply_one(NodeId id, Send& e) {
    network_.push_back({id, e.to.id, 0, Tick{}, e.request, voters_.find(id)->key});
  }
  void apply_one(NodeId id, Reply& e) {
    CHECK(pending_ != nullptr);
    Event answer = Tick{};
    std::vector<Entry> entries;
    if (auto* vote = std::get_if<VoteResponse>(&e.response)) {
      const auto& request = std::get<VoteRequest>(*pending_->request);
      answer = VoteAnswer{id, request.epoch, request.pre_vote, *vote};
    } else if (auto* quorum = std::get_if<QuorumEpochResponse>(&e.response)) {
      answer = QuorumEpochAnswer{id, *quorum};
    } else {
      const auto& request = std::get<FetchRequest>(*pending_->request);
      const auto& fetch = std::get<FetchResponse>(e.response);
      FetchAnswer full{id, request.current_leader_epoch, fetch, {}};
      if (!fetch.standing.error && !fetch.diverging) {
        const auto& log = replicas_[id].log;
        const size_t end =
            std::min({log.size(), static_cast<size_t>(request.fetch_offset.value()) + 3,
                      static_cast<size_t>(fetch.read_end.value())});
        for (size_t i = static_cast<size_t>(request.fetch_offset.value()); i < end; i++) {
          entries.push_back(log[i]);
          full.batches.push_back(
              {log[i].epoch, Offset(static_cast<int64_t>(i)), Offset(static_cast<int64_t>(i) + 1)});
        }
      }
      answer = full;
    }
    network_.push_back({id,
                        pending_->sender.id,
                        replicas_[pending_->sender.id].incarnation,
                        answer,
                        {},
                        {},
                        std::move(entries)});
  }
  void apply_one(NodeId id, HighWatermark& e) {
    const Replica& replica = replicas_[id];
    for (size_t i = 0; i < static_cast<size_t>(e.offset.value()); i++) {
      if (i >= replica.log.size()) {
        failure_ = "high watermark beyond the log";
      } else if (i >= committed_.size()) {
        committed_.push_back(replica.log[i]);
      } else if (committed_[i] != replica.log[i]) {
        failure_ = "committed record changed";
      }
    }
  }
  void apply_one(NodeId, RoleChanged&) {}
  void apply_one(NodeId, Fail& e) { failure_ = "machine failed: " + e.error.detail; }

  void check() {
    if (!failure_.empty()) return;
    size_t holders = 0;
    for (const auto& [id, replica] : replicas_) {
      const size_t durable = std::min(replica.flushed, replica.log.size());
      if (durable >= committed_.size() &&
          std::equal(committed_.begin(), committed_.end(), replica.log.begin()))
        holders++;
    }
    if (holders < voters_.majority()) failure_ = "a committed record is not durable on a majority";
  }

  VoterSet voters_;
  std::map<NodeId, Replica> replicas_;
  std::deque<Message> network_;
  std::map<LeaderEpoch, NodeId> leaders_;
  std::vector<Entry> committed_;
  Message* pending_ = nullptr;
  Message* carried_ = nullptr;
  Instant now_;
  uint64_t random_;
  uint64_t payloads_ = 0;
  uint64_t requests_ = 0;
  uint64_t incarnations_ = 0;
  bool faulty_ = true;
  std::string failure_;
};

/// Empty where `runs` seeds found nothing wrong; else what the first bad one found.
std::string first_failure(size_t size, int runs, size_t* committed = nullptr) {
  for (int seed = 1; seed <= runs; seed++) {
    Quorum quorum(size, static_cast<uint64_t>(seed));
    quorum.run(4000);
    quorum.heal();
    quorum.run(6000);
    if (!quorum.failure().empty()) return quorum.failure() + " (seed " + std::to_string(seed) + ")";
    if (!quorum.leader_of_all())
      return "no leader after faults healed (seed " + std::to_string(seed) + ")";
    if (committed != nullptr) *committed += quorum.committed();
  }
  return {};
}

TEST(RaftQuorum, HoldsItsPromisesUnderLossReorderingAndCrashes) {
  size_t committed = 0;
  EXPECT_EQ(first_failure(3, 60, &committed), "");
  EXPECT_GT(committed, 60u * 50u);
  EXPECT_EQ(first_failure(5, 10), "");
  EXPECT_EQ(first_failure(1, 10), "");
}

TEST(RaftQuorum, FindsPlantedFaults) {
  for (const char* name :
       {"raft.skip_persist", "raft.minority_elects", "raft.vote_for_shorter_log",
        "raft.count_unflushed", "raft.commit_by_fastest", "raft.ignore_divergence"}) {
    faults::set_mutant(name);
    EXPECT_NE(first_failure(3, 400), "") << name;
    faults::set_mutant("");
  }
}

ReplicaKey lone_key() {
  return {NodeId(1), Uuid::from_random(1, 2)};
}

BootState lone_boot() {
  BootState boot;
  boot.voters = VoterSet({Voter{lone_key(), {{"CONTROLLER", "localhost", 9093}}}});
  boot.voters_only_in_bootstrap = true;
  return boot;
}

std::string text(const Effects& effects) {
  std::string all;
  for (const Effect& effect : effects) {
    if (const auto* e = std::get_if<Persist>(&effect)) {
      all += "persist epoch " + std::to_string(e->state.epoch.value()) + " leader " +
             std::to_string(e->state.leader.value()) + (e->state.voted ? " voted" : "") + "; ";
    } else if (const auto* e = std::get_if<AppendEpochStart>(&effect)) {
      all += "open epoch " + std::to_string(e->epoch.value()) + " at " +
             std::to_string(e->base.value()) + (e->with_voters ? " with voters" : "") + "; ";
    } else if (const auto* e = std::get_if<AppendRecords>(&effect)) {
      all += "append at " + std::to_string(e->base.value()) + "; ";
    } else if (const auto* e = std::get_if<HighWatermark>(&effect)) {
      all += "committed " + std::to_string(e->offset.value()) + "; ";
    } else if (const auto* e = std::get_if<RoleChanged>(&effect)) {
      all += "leader of " + std::to_string(e->epoch.value()) + " is " +
             std::to_string(e->leader.value()) + "; ";
    } else if (std::holds_alternative<Reply>(effect)) {
      all += "reply; ";
    } else {
      all += "other; ";
    }
  }
  return all;
}

TEST(RaftMachine, ALoneVoterLeadsAtOnceAndCommitsWhatIsFlushed) {
  RaftMachine machine({.self = lone_key()}, lone_boot(), 1);
  EXPECT_EQ(text(machine.start(Instant())),
            "persist epoch 1 leader 1; open epoch 1 at 0 with voters; leader of 1 is 1; ");
  EXPECT_EQ(machine.high_watermark(), kNoOffset);
  EXPECT_EQ(text(machine.step(Append{LeaderEpoch(1), 2}, Instant())), "append at 3; ");
  EXPECT_EQ(text(machine.step(Flushed{Offset(3)}, Instant())), "committed 3; ");
  EXPECT_EQ(text(machine.step(Flushed{Offset(5)}, Instant())), "committed 5; ");
  EXPECT_EQ(text(machine.step(Append{LeaderEpoch(0), 1}, Instant())), "");
  EXPECT_EQ(text(machine.step(Resign{}, Instant())), "");
  EXPECT_EQ(machine.next_tick(), kNoDeadline);
  machine.check_invariants();
}

TEST(RaftMachine, ARestartOpensTheNextEpochWithoutTheVoters) {
  BootState boot = lone_boot();
  boot.election = {LeaderEpoch(4), NodeId(1), {}};
  boot.voters_only_in_bootstrap = false;
  boot.log_end = Offset(10);
  boot.epochs.append(LeaderEpoch(4), Offset(0));
  RaftMachine machine({.self = lone_key()}, boot, 1);
  EXPECT_EQ(text(machine.start(Instant())),
            "persist epoch 5 leader 1; open epoch 5 at 10; leader of 5 is 1; ");
}

TEST(RaftMachine, ALogAheadOfQuorumStateRaisesTheEpoch) {
  BootState boot = lone_boot();
  boot.election = {LeaderEpoch(2), kNoNode, {}};
  boot.log_end = Offset(3);
  boot.epochs.append(LeaderEpoch(7), Offset(0));
  RaftMachine machine({.self = lone_key()}, boot, 1);
  (void)machine.start(Instant());
  EXPECT_EQ(machine.epoch(), LeaderEpoch(8));
}

TEST(RaftMachine, FetchIsAnsweredByEpochOffsetAndSnapshot) {
  BootState boot = lone_boot();
  boot.voters_only_in_bootstrap = false;
  boot.election = {LeaderEpoch(4), kNoNode, {}};
  boot.log_start = Offset(5);
  boot.log_end = Offset(10);
  boot.snapshot = OffsetAndEpoch{Offset(5), LeaderEpoch(2)};
  boot.epochs.reset(*boot.snapshot);
  boot.epochs.append(LeaderEpoch(3), Offset(5));
  boot.epochs.append(LeaderEpoch(4), Offset(8));
  RaftMachine machine({.self = lone_key()}, boot, 1);
  (void)machine.start(Instant());
  (void)machine.step(Flushed{Offset(11)}, Instant());
  const auto fetch = [&](int64_t offset, int last_epoch, int leader_epoch = 5) {
    const FetchRequest request{
        {NodeId(9), {}}, LeaderEpoch(leader_epoch), Offset(offset), LeaderEpoch(last_epoch)};
    const Effects effects = machine.step(Incoming{1, request}, Instant());
    return std::get<FetchResponse>(std::get<Reply>(effects.back()).response);
  };
  EXPECT_EQ(fetch(10, 4).read_end, Offset(11));
  EXPECT_FALSE(fetch(10, 4).diverging || fetch(10, 4).snapshot);
  EXPECT_EQ(fetch(0, 0).snapshot, boot.snapshot);
  EXPECT_EQ(fetch(4, 2).snapshot, boot.snapshot);
  EXPECT_FALSE(fetch(5, 2).snapshot);
  EXPECT_EQ(fetch(9, 3).diverging, (OffsetAndEpoch{Offset(8), LeaderEpoch(3)}));
  EXPECT_EQ(fetch(20, 4).diverging, (OffsetAndEpoch{Offset(10), LeaderEpoch(4)}));
  EXPECT_EQ(fetch(10, 4, 4).standing.error, Errc::fenced_leader_epoch);
  EXPECT_EQ(fetch(10, 4, 6).standing.error, Errc::unknown_leader_epoch);
  EXPECT_EQ(fetch(-1, 4).standing.error, Errc::invalid_request);
  EXPECT_EQ(fetch(10, 6).standing.error, Errc::invalid_request);
}

TEST(RaftMachine, VotesAreRefusedWithKafkasErrors) {
  RaftMachine machine({.self = lone_key()}, lone_boot(), 1);
  (void)machine.start(Instant());
  const auto vote = [&](VoteRequest request) {
    const Effects effects = machine.step(Incoming{1, request}, Instant());
    return std::get<VoteResponse>(std::get<Reply>(effects.back()).response);
  };
  const ReplicaKey peer{NodeId(2), {}};
  EXPECT_EQ(vote({peer, {}, LeaderEpoch(0), {Offset(9), LeaderEpoch(0)}, true}).standing.error,
            Errc::fenced_leader_epoch);
  EXPECT_EQ(vote({peer, {}, LeaderEpoch(1), {Offset(9), LeaderEpoch(1)}}).standing.error,
            Errc::invalid_request);
  EXPECT_EQ(vote({peer, {}, LeaderEpoch(1), {Offset(-9), LeaderEpoch(0)}}).standing.error,
            Errc::invalid_request);
  EXPECT_FALSE(vote({peer, {}, LeaderEpoch(1), {Offset(9), LeaderEpoch(0)}}).granted);
  EXPECT_TRUE(machine.is_leader());
  EXPECT_EQ(vote({peer, peer, LeaderEpoch(2), {Offset(9), LeaderEpoch(1)}}).standing.error,
            Errc::invalid_voter_key);
  EXPECT_FALSE(machine.is_leader());
}

TEST(EpochStarts, EndOfFindsWhereAnEpochEnds) {
  EpochStarts starts;
  starts.append(LeaderEpoch(1), Offset(0));
  starts.append(LeaderEpoch(3), Offset(10));
  EXPECT_EQ(starts.end_of(LeaderEpoch(1), Offset(20)),
            (OffsetAndEpoch{Offset(10), LeaderEpoch(1)}));
  EXPECT_EQ(starts.end_of(LeaderEpoch(2), Offset(20)),
            (OffsetAndEpoch{Offset(10), LeaderEpoch(1)}));
  EXPECT_EQ(starts.end_of(LeaderEpoch(3), Offset(20)),
            (OffsetAndEpoch{Offset(20), LeaderEpoch(3)}));
  EXPECT_EQ(starts.end_of(LeaderEpoch(0), Offset(20)), (OffsetAndEpoch{Offset(0), LeaderEpoch(0)}));
  starts.trim(Offset(12));
  EXPECT_EQ(starts.end_of(LeaderEpoch(1), Offset(20)).offset, Offset(12));
  EXPECT_EQ(starts.last(), LeaderEpoch(3));
  starts.truncate(Offset(12));
  EXPECT_EQ(starts.last(), LeaderEpoch(3));
}

}  // namespace
}  // namespace partita::raft
