#pragma once
// OffsetStore: the offsets that the groups of one partition of __consumer_offsets committed, and
// those that wait for their transaction's marker. Knows nothing of groups but their ids. One per
// GroupMachine. Kafka's OffsetMetadataManager.
//
// Invariants:
//  1. Calls come in the order of the records in the log; the same calls give the same store,
//     whether they come from requests or from replay.
//  2. A commit marker makes a pending offset the committed one, unless a commit that stands behind
//     it in the log was there first; an abort marker drops it. Both end it.
//  3. A removal takes what is pending for the partition along.
//  4. Names of topics are kept once. A committed offset takes 40 bytes, more only where it has
//     metadata, an expiry of its own or another topic id than the group's others of that name.

#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "base/uuid.h"
#include "coordinators/record.h"
#include "coordinators/state_machine.h"

namespace partita::coordinators {

struct CommittedOffset {
  Offset offset;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  std::string metadata = {};
  WallTime committed_at;
  std::optional<WallTime> expires_at = {};  ///< else the retention of all offsets holds
  TopicId topic_id = {};                    ///< zero where unknown: by transactions, old records
  bool operator==(const CommittedOffset&) const = default;
};

/// Whose offset of what.
struct OffsetPlace {
  std::string_view group;
  std::string_view topic;
  PartitionIndex partition;
  auto operator<=>(const OffsetPlace&) const = default;
};

/// One of what a request commits for a group.
struct NewOffset {
  std::string topic;
  PartitionIndex partition;
  CommittedOffset committed;
};

/// As Kafka 4.3 writes it: value version 4, or 1 where the offset has an expiry of its own.
CoordinatorRecord offset_record(const OffsetPlace& place, const CommittedOffset& committed);
CoordinatorRecord offset_tombstone(const OffsetPlace& place);
struct OffsetRecord {
  OffsetPlace place;  ///< lies in the key's bytes
  std::optional<CommittedOffset> committed;
};
/// Of kinds 0 and 1, which have the same fields. Errc::malformed, unsupported_version.
Result<OffsetRecord> decode_offset_record(const Numbered& key, std::optional<ByteView> value);
/// What is left of an offset in its record: an expiry of its own displaces epoch and topic id.
CommittedOffset as_recorded(CommittedOffset committed);

/// Each name once, as long as somebody uses it.
class TopicNames {
 public:
  class Use {
   public:
    Use(TopicNames& names, std::string_view name);
    Use(Use&& from) noexcept : names_(from.names_), at_(from.at_) { from.names_ = nullptr; }
    Use& operator=(Use&&) = delete;
    ~Use();
    /// Lives as long as any Use of the name.
    const std::string& name() const { return at_->first; }

   private:
    TopicNames* names_;
    std::map<std::string, size_t, std::less<>>::iterator at_;
  };
  const std::map<std::string, size_t, std::less<>>& all() const { return uses_; }

 private:
  std::map<std::string, size_t, std::less<>> uses_;
};

class OffsetStore {
 public:
  OffsetStore() = default;
  OffsetStore(const OffsetStore&) = delete;

  /// `transaction`: counts when its marker comes. `at`: the record's offset, of replay only.
  void put(const OffsetPlace& place, CommittedOffset committed,
           std::optional<ProducerId> transaction, std::optional<Offset> at = {});
  void remove(const OffsetPlace& place);
  void end_transaction(ProducerId producer, bool is_commit);

  std::optional<CommittedOffset> find(const OffsetPlace& place) const;
  bool is_pending(const OffsetPlace& place) const;
  /// Whether anything is committed or pending.
  bool knows(std::string_view group) const;
  bool has_pending(std::string_view group) const;

  /// Committed offsets by topic name and partition. visit(place, committed) may not change the
  /// store.
  using Visit = std::function<void(const OffsetPlace&, const CommittedOffset&)>;
  void for_each(std::string_view group, const Visit& visit) const;
  /// Topics of which the group has something committed or pending, and the partitions of one.
  std::vector<std::string> topics(std::string_view group) const;
  std::vector<PartitionIndex> partitions(std::string_view group, std::string_view topic) const;
  /// The first group that knows() is true of and whose id is not less than `id`.
  std::optional<std::string> group_from(std::string_view id) const;
  /// The tombstones of all that the group has, committed and pending.
  void write_tombstones(std::string_view group, std::vector<CoordinatorRecord>& out) const;
  void remove_group(std::string_view group);

  /// Every topic of which something is committed or pending; some more than once.
  void for_each_topic(const std::function<void(const std::string& topic)>& visit) const;
  size_t committed_count() const { return committed_count_; }
  size_t pending_count() const;
  void check_invariants() const;

 private:
  /// What few offsets have.
  struct Extra {
    std::string metadata;
    std::optional<WallTime> expires_at;
    TopicId topic_id;
  };
  struct Entry {
    PartitionIndex partition;
    LeaderEpoch leader_epoch;
    Offset offset;
    WallTime committed_at;
    Offset order;  ///< which of two commits stands behind the other in the log
    std::unique_ptr<Extra> extra;
  };
  static_assert(sizeof(Entry) == 40);
  /// One group's offsets of one topic.
  struct Shelf {
    TopicNames::Use name;
    TopicId topic_id;            ///< of the entries that have no Extra
    std::vector<Entry> entries;  ///< by partition
  };
  using Shelves = std::map<std::string_view, Shelf>;  ///< keys lie in names_

  struct PendingPlace {
    std::string group;
    std::string topic;
    PartitionIndex partition;
    operator OffsetPlace() const { return {group, topic, partition}; }
  };
  struct ByPlace {
    using is_transparent = void;
    bool operator()(const OffsetPlace& a, const OffsetPlace& b) const { return a < b; }
  };
  struct PendingOffset {
    CommittedOffset committed;
    Offset order;
  };
  using PendingOffsets = std::map<PendingPlace, PendingOffset, ByPlace>;

  static CommittedOffset told(const Shelf& shelf, const Entry& entry);
  const Entry* entry(const OffsetPlace& place, const Shelf** shelf = nullptr) const;
  void store(const OffsetPlace& place, CommittedOffset committed, Offset order);
  void drop_pending(const OffsetPlace& place);
  void uncount(const PendingPlace& place);

  TopicNames names_;
  std::map<std::string, Shelves, std::less<>> committed_;
  std::map<ProducerId, PendingOffsets> pending_;
  std::map<PendingPlace, size_t, ByPlace> pending_places_;  ///< with how many producers
  size_t committed_count_ = 0;
  Offset next_order_;
};

}  // namespace partita::coordinators
