// Whole lives of transactional ids from a seed: producers that are told
// nothing, zombies, delayed produce requests, markers that come late and twice,
// and a coordinator that dies at any step.
//
// What must hold: a transaction is all or nothing over its partitions, and what
// the producer was told; whatever is open ends; epochs never go back and nobody
// is told the last one.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/fault_points.h"
#include "coordinators/txn/transaction_fixture_test.h"
#include "coordinators/txn/transaction_records.h"
#include "runtime/sim/sim_random.h"

namespace partita::coordinators {
namespace {

constexpr int32_t kPartitions = 4;
constexpr const char* kId = "t";

/// A partition as its leader keeps it: what is open, by producer id.
struct PartitionModel {
  struct Producer {
    ProducerEpoch epoch;
    int32_t coordinator_epoch = -1;
    std::vector<int> open;  ///< transactions, by number
  };
  std::map<ProducerId, Producer> producers;

  bool write(ProducerTag who, int transaction) {
    Producer& known = producers.try_emplace(who.id, Producer{.epoch = who.epoch}).first->second;
    if (who.epoch < known.epoch) return false;
    known.epoch = who.epoch;
    known.open.push_back(transaction);
    return true;
  }
};

struct Fate {
  bool written = false;
  bool committed = false;
  bool aborted = false;
  std::optional<bool> told;  ///< commit or abort
};

struct Client {
  ProducerTag self;
  ProducerTag expected;  ///< what InitProducerId is (or was) asked with
  enum class Step { init, open, end, dead } step = Step::init;
  int transaction = 0;
  bool commit = false;
};

struct Delayed {
  ProducerTag who;
  int transaction;
  int32_t partition;
};

struct Sent {
  MarkerOrder order;
  std::set<int32_t> left;
};

class World {
 public:
  World(uint64_t seed, int16_t version)
      : random_(seed), bumps_(version >= 2), test_(version, {.id_expiration = 1000h}) {
    if (random_.below(2) == 0) seed_near_exhaustion();
    clients_.emplace_back();
    collect();
  }

  /// What went wrong; nothing where all is well.
  std::string run() {
    for (int i = 0; i < 250 && wrong_.empty(); i++) step();
    heal();
    judge();
    return wrong_;
  }
  size_t commits_told() const {
    return static_cast<size_t>(
        std::ranges::count_if(fates_, [](const auto& fate) { return fate.second.told == true; }));
  }

 private:
  void seed_near_exhaustion() {
    Transaction transaction;
    transaction.producer = producer(1, static_cast<int16_t>(32760 + random_.below(7)));
    transaction.timeout_ms = 60'000;
    transaction.update_time = test_.now.wall;
    transaction.client_version = 0;
    test_.log.push_back(transaction_record(kId, transaction, 1));
    test_.restart();
  }

  void step() {
    switch (random_.below(16)) {
      case 0: test_.advance(from_ms(static_cast<int64_t>(random_.below(15'000)))); break;
      case 1: test_.tick(); break;
      case 2: crash(); break;
      case 3: deliver_delayed(); break;
      case 4:
      case 5:
      case 6:
      case 7: deliver_marker(); break;
      case 8:
        if (random_.below(8) == 0) clients_.emplace_back();  // the others are zombies now
        break;
      default: act(clients_[random_.below(clients_.size())]); break;
    }
    collect();
    look();
  }

  /// Asks the machine. The coordinator may die with the record unwritten, or
  /// with the answer unsent: nothing comes back then.
  template <class Ask>
  auto ask(Ask event) -> std::optional<decltype(event())> {
    const size_t before = test_.log.size();
    auto answer = event();
    const uint64_t luck = random_.below(12);
    if (luck > 1) return answer;
    if (luck == 0) test_.log.resize(before);
    crash();
    return std::nullopt;
  }

  template <class Ask>
  std::optional<ProducerAnswer> ask_with_id(Ask event) {
    auto answer = ask([&] { return event(int64_t{-1}); });
    if (answer && answer->need_producer_id) {
      const int64_t fresh = next_id_++;
      answer = ask([&] { return event(fresh); });
    }
    if (answer && !answer->error && answer->producer.epoch == kLastEpoch) fail("told 32767");
    return answer;
  }

  void act(Client& client) {
    switch (client.step) {
      case Client::Step::init: init(client); break;
      case Client::Step::open: random_.below(4) == 0 ? decide(client) : write(client); break;
      case Client::Step::end: end(client); break;
      case Client::Step::dead:
        if (random_.below(2) == 0) client = {};  // another instance of it
        break;
    }
  }

  void init(Client& client) {
    const auto answer =
        ask_with_id([&](int64_t fresh) { return test_.init(kId, client.expected, fresh, 30'000); });
    if (!answer || answer->error == Errc::concurrent_transactions) return;
    if (answer->error) {
      client.step = Client::Step::dead;
      return;
    }
    client.self = answer->producer;
    begin(client);
  }
  void begin(Client& client) {
    client.step = Client::Step::open;
    client.transaction = next_transaction_++;
    fates_[client.transaction] = {};
  }

  void write(Client& client) {
    const auto index = static_cast<int32_t>(random_.below(kPartitions));
    if (bumps_ && random_.below(4) == 0) {
      delayed_.push_back({client.self, client.transaction, index});
      return;
    }
    const Errc no_answer = Errc::coordinator_not_available;
    const Errc why = place(client.self, client.transaction, index).value_or(no_answer);
    const bool again = why == no_answer || why == Errc::concurrent_transactions;
    if (why != kWritten && !again) client.step = Client::Step::dead;
  }
  /// Nothing where no answer came.
  std::optional<Errc> place(ProducerTag who, int transaction, int32_t index) {
    const auto added = ask([&] { return test_.add(kId, who, {{"a", {index}}}, bumps_); });
    if (!added) return std::nullopt;
    if (!*added) return added->error().code;
    collect();
    if (!partitions_[index].write(who, transaction)) return Errc::invalid_producer_epoch;
    fates_[transaction].written = true;
    return kWritten;
  }
  void deliver_delayed() {
    if (delayed_.empty()) return;
    const size_t which = random_.below(delayed_.size());
    const Delayed one = delayed_[which];
    delayed_.erase(delayed_.begin() + static_cast<ptrdiff_t>(which));
    place(one.who, one.transaction, one.partition);
  }

  void decide(Client& client) {
    const bool anything = fates_[client.transaction].written;
    if (!anything && !bumps_) return;
    client.commit = anything && random_.below(2) == 0;
    client.step = Client::Step::end;
    end(client);
  }
  void end(Client& client) {
    const auto answer = ask_with_id(
        [&](int64_t fresh) { return test_.end(kId, client.self, client.commit, bumps_, fresh); });
    if (!answer || answer->error == Errc::concurrent_transactions) return;
    if (answer->error) {
      client.step = Client::Step::dead;
      return;
    }
    fates_[client.transaction].told = client.commit;
    client.self = answer->producer;
    begin(client);
    // Now and then a producer bumps its epoch after an error.
    if (random_.below(4) == 0) {
      client.expected = client.self;
      client.step = Client::Step::init;
    }
  }

  void crash() {
    test_.advance(1ms);
    test_.restart();
    collected_ = 0;
  }

  /// Orders go out; those of dead coordinators stay on their way.
  void collect() {
    for (; collected_ < test_.orders.size(); collected_++) {
      const MarkerOrder& order = test_.orders[collected_];
      Sent sent{.order = order, .left = {}};
      for (const auto& [topic, indexes] : order.partitions) sent.left = indexes;
      sent_.push_back(std::move(sent));
    }
  }
  void deliver_marker() {
    if (sent_.empty()) return;
    const size_t which = random_.below(sent_.size());
    Sent& sent = sent_[which];
    if (!sent.left.empty()) {
      const int32_t index = *sent.left.begin();
      mark(partitions_[index], sent.order);
      if (random_.below(8) == 0) return;  // written, but the answer is lost
      sent.left.erase(index);
      return;
    }
    const MarkerOrder order = sent.order;
    sent_.erase(sent_.begin() + static_cast<ptrdiff_t>(which));
    ask([&] {
      test_.markers_written(order.id);
      return 0;
    });
  }
  void mark(PartitionModel& partition, const MarkerOrder& order) {
    const auto found =
        partition.producers
            .try_emplace(order.producer.id, PartitionModel::Producer{.epoch = order.producer.epoch})
            .first;
    PartitionModel::Producer& known = found->second;
    if (order.coordinator_epoch < known.coordinator_epoch) return;
    if (order.producer.epoch < known.epoch) return;
    known.coordinator_epoch = order.coordinator_epoch;
    known.epoch = order.producer.epoch;
    for (const int transaction : known.open) {
      Fate& fate = fates_[transaction];
      (order.is_commit ? fate.committed : fate.aborted) = true;
    }
    known.open.clear();
  }

  void look() {
    const Transaction* now = test_.transaction(kId);
    if (now == nullptr) return;
    if (now->state == TransactionState::ongoing && test_.machine().next_deadline() == kNoDeadline) {
      fail("open without a deadline");
    }
    if (now->is_preparing() && test_.orders.empty()) fail("decided without an order");
    if (wrong_.empty()) test_.machine().check_invariants();
    // What a crash takes back was told to nobody, and may come again: only what
    // is in the log counts.
    const Transaction logged = *parse_transaction(test_.log.back().value->view());
    if (logged.producer.id == last_.id && logged.producer.epoch < last_.epoch) fail("went back");
    if (logged.producer.id < last_.id) fail("an old id came back");
    last_ = logged.producer;
  }

  /// Nobody dies any more, and time passes: all that is open must end.
  void heal() {
    for (int round = 0; round < 40; round++) {
      test_.advance(31s);
      test_.tick();
      collect();
      for (Sent& sent : sent_) {
        for (const int32_t index : sent.left) mark(partitions_[index], sent.order);
      }
      std::vector<Sent> done = std::exchange(sent_, {});
      for (const Sent& sent : done) test_.markers_written(sent.order.id);
      collect();
    }
  }
  void judge() {
    for (const auto& [index, partition] : partitions_) {
      for (const auto& [id, known] : partition.producers) {
        if (!known.open.empty()) fail("hangs in a partition for ever");
      }
    }
    for (const auto& [number, fate] : fates_) {
      if (fate.committed && fate.aborted) fail("half committed");
      if (fate.told == true && fate.aborted) fail("told committed, was aborted");
      if (fate.told == false && fate.committed) fail("told aborted, was committed");
    }
    if (!test_.transaction(kId)) return;
    if (!test_.transaction(kId)->is_idle()) fail("never ends");
  }
  void fail(const char* why) {
    if (wrong_.empty()) wrong_ = why;
  }

  static constexpr Errc kWritten = Errc::would_block;  // any that the machine never answers

  runtime::sim::SimRandom random_;
  const bool bumps_;
  MachineUnderTest test_;
  int64_t next_id_ = 1000;
  int next_transaction_ = 1;
  size_t collected_ = 0;
  ProducerTag last_;
  std::vector<Client> clients_;
  std::vector<Delayed> delayed_;
  std::vector<Sent> sent_;
  std::map<int32_t, PartitionModel> partitions_;
  std::map<int, Fate> fates_;
  std::string wrong_;
};

/// How many commits were told, and the first seed that goes wrong, with why.
std::pair<size_t, std::string> first_wrong(int16_t version, uint64_t seeds) {
  size_t commits = 0;
  for (uint64_t seed = 1; seed <= seeds; seed++) {
    World world(seed, version);
    const std::string wrong = world.run();
    commits += world.commits_told();
    if (!wrong.empty()) return {commits, "seed " + std::to_string(seed) + ": " + wrong};
  }
  return {commits, ""};
}

TEST(TransactionProperty, AllOrNothing) {
  for (const int16_t version : {1, 2}) {
    const auto [commits, wrong] = first_wrong(version, 400);
    EXPECT_EQ(wrong, "") << "transaction.version " << version;
    EXPECT_GT(commits, 200u);
  }
}

TEST(TransactionProperty, PlantedFaultsShow) {
  for (const char* name : {"txn.no_timeout", "txn.no_bump", "txn.fence_without_bump",
                           "txn.replay_without_orders", "txn.order_forgets_a_partition"}) {
    faults::set_mutant(name);
    const std::string wrong = first_wrong(2, 400).second;
    faults::set_mutant("");
    EXPECT_NE(wrong, "") << name;
  }
}

}  // namespace
}  // namespace partita::coordinators
