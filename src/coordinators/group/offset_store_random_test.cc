// OffsetStore under random commits, transactions, removals, restarts and compactions, beside a
// model that is too simple to be wrong: a committed offset is a register, and what a log says is
// what the store said before.

#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "coordinators/group/offset_store.h"
#include "runtime/sim/sim_random.h"

namespace partita::coordinators {
namespace {

using Key = std::tuple<std::string, std::string, int32_t>;

struct LogEntry {
  int64_t offset = 0;
  std::optional<CoordinatorRecord> record;  ///< nothing: a marker
  std::optional<ProducerId> producer;
  bool is_commit = false;
};

struct Said {
  CommittedOffset committed;
  int64_t at = 0;
};

class Offsets {
 public:
  explicit Offsets(uint64_t seed) : random_(seed) { restart(); }

  void step() {
    switch (pick(12)) {
      case 0:
      case 1:
      case 2:
      case 3: return put(std::nullopt);
      case 4:
      case 5:
      case 6: return put(ProducerId(pick(3)));
      case 7:
      case 8: return end(ProducerId(pick(3)), pick(3) > 0);
      case 9: return remove(any_key());
      case 10: return pick(4) == 0 ? remove_group() : compact();
      default: return restart();
    }
  }

  void compare() const {
    store_->check_invariants();
    std::map<Key, CommittedOffset> told;
    for (const char* group : {"g", "h"}) {
      store_->for_each(group, [&](const OffsetPlace& place, const CommittedOffset& committed) {
        told[Key(place.group, place.topic, place.partition.value())] = committed;
      });
    }
    std::map<Key, CommittedOffset> expected;
    for (const auto& [key, said] : committed_) expected[key] = said.committed;
    ASSERT_EQ(told, expected);
    ASSERT_EQ(store_->committed_count(), expected.size());
    size_t pending = 0;
    for (const auto& [producer, offsets] : pending_) {
      pending += offsets.size();
      for (const auto& [key, said] : offsets) ASSERT_TRUE(store_->is_pending(place_of(key)));
    }
    ASSERT_EQ(store_->pending_count(), pending);
  }

 private:
  int64_t pick(int64_t below) {
    return static_cast<int64_t>(random_.next() % static_cast<uint64_t>(below));
  }
  Key any_key() {
    return {pick(2) == 0 ? "g" : "h", pick(2) == 0 ? "t" : "u", static_cast<int32_t>(pick(3))};
  }
  static OffsetPlace place_of(const Key& key) {
    return {std::get<0>(key), std::get<1>(key), PartitionIndex(std::get<2>(key))};
  }
  CommittedOffset any_offset() {
    CommittedOffset out{.offset = Offset(pick(1000)),
                        .leader_epoch = LeaderEpoch(static_cast<int32_t>(pick(3)) - 1),
                        .committed_at = WallTime(pick(1000))};
    if (pick(3) == 0) out.metadata = std::string(static_cast<size_t>(pick(20)), 'm');
    if (pick(4) == 0) out.expires_at = WallTime(pick(1000));
    if (pick(2) == 0) out.topic_id = TopicId({static_cast<uint8_t>(pick(3))});
    return as_recorded(out);
  }

  void put(std::optional<ProducerId> producer) {
    const Key key = any_key();
    const CommittedOffset committed = any_offset();
    const Said said{committed, append(offset_record(place_of(key), committed), producer)};
    store_->put(place_of(key), said.committed, producer);
    if (producer) {
      pending_[*producer].insert_or_assign(key, said);
    } else {
      committed_.insert_or_assign(key, said);
    }
  }
  void end(ProducerId producer, bool is_commit) {
    log_.push_back({next_++, std::nullopt, producer, is_commit});
    store_->end_transaction(producer, is_commit);
    for (const auto& [key, said] : pending_[producer]) {
      const auto there = committed_.find(key);
      if (!is_commit || (there != committed_.end() && there->second.at > said.at)) continue;
      committed_.insert_or_assign(key, said);
    }
    pending_.erase(producer);
  }
  void forget(const Key& key) {
    committed_.erase(key);
    for (auto& [producer, offsets] : pending_) offsets.erase(key);
  }
  void remove(const Key& key) {
    append(offset_tombstone(place_of(key)), std::nullopt);
    store_->remove(place_of(key));
    forget(key);
  }
  void remove_group() {
    std::vector<CoordinatorRecord> records;
    store_->write_tombstones("g", records);
    store_->remove_group("g");
    for (CoordinatorRecord& record : records) append(std::move(record), std::nullopt);
    for (const char* topic : {"t", "u"}) {
      for (int32_t partition = 0; partition < 3; partition++) forget({"g", topic, partition});
    }
  }

  int64_t append(CoordinatorRecord record, std::optional<ProducerId> producer) {
    log_.push_back({next_, std::move(record), producer});
    return next_++;
  }

  /// A new store says what the old one said.
  void restart() {
    store_ = std::make_unique<OffsetStore>();
    for (const LogEntry& entry : log_) {
      if (!entry.record) {
        store_->end_transaction(*entry.producer, entry.is_commit);
        continue;
      }
      const auto key = parse_numbered(entry.record->key.view());
      ASSERT_TRUE(key);
      const auto& value = entry.record->value;
      const auto decoded =
          decode_offset_record(*key, value ? std::optional(value->view()) : std::nullopt);
      ASSERT_TRUE(decoded);
      if (!decoded->committed) {
        store_->remove(decoded->place);
      } else {
        store_->put(decoded->place, *decoded->committed, entry.producer, Offset(entry.offset));
      }
    }
  }

  /// Keeps each key's last record of those that count, as the log's compaction does where no
  /// transaction is open.
  void compact() {
    for (const auto& [producer, offsets] : pending_) {
      if (!offsets.empty()) return;
    }
    std::map<ProducerId, bool> outcome;  // of the marker that follows next
    std::map<Bytes, int64_t, decltype([](const Bytes& a, const Bytes& b) {
               return std::ranges::lexicographical_compare(a.view(), b.view());
             })>
        last;
    std::vector<LogEntry> kept;
    for (auto entry = log_.rbegin(); entry != log_.rend(); ++entry) {
      if (!entry->record) {
        outcome[*entry->producer] = entry->is_commit;
        kept.push_back(*entry);
      } else if (!entry->producer || outcome[*entry->producer]) {
        if (last.emplace(entry->record->key, entry->offset).second) kept.push_back(*entry);
      }
    }
    log_.assign(kept.rbegin(), kept.rend());
  }

  runtime::sim::SimRandom random_;
  std::unique_ptr<OffsetStore> store_;
  std::vector<LogEntry> log_;
  int64_t next_ = 0;
  std::map<Key, Said> committed_;
  std::map<ProducerId, std::map<Key, Said>> pending_;
};

TEST(OffsetStoreAtRandom, LiveAndReplayedAreTheSame) {
  for (uint64_t seed = 1; seed <= 60; seed++) {
    SCOPED_TRACE(seed);
    Offsets offsets(seed);
    for (int step = 0; step < 300; step++) {
      offsets.step();
      offsets.compare();
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace partita::coordinators
