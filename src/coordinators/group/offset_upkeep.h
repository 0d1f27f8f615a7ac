#pragma once
// OffsetUpkeep: which offsets go without anybody asking: those that are too old, and those of
// deleted topics; and when it is looked for them. Takes its turns from GroupMachine's tick().
//
//   what is due        since                                       until
//   nothing            loaded(), the end of a scan                 next_check, topics_deleted()
//   scan of all groups next_check                                  the last group was looked at
//   deleted topics     topics_deleted()                            nothing of them is left
//
// Invariants:
//  1. One turn writes at most about half a batch, and comes at least kPause after the one before:
//     however much goes, requests have their turn.
//  2. A scan after a step of the wall clock of more than kStepMax since the scan before is left
//  out.
//  3. No offset goes while a transaction has one pending for its partition, nor by age while
//     members of its group read the topic.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinators/batch_bytes.h"
#include "coordinators/group/group.h"
#include "coordinators/group/group_settings.h"
#include "coordinators/group/offset_store.h"

namespace partita::coordinators {

/// The records of one turn, up to a size.
class RemovalBatch {
 public:
  RemovalBatch(size_t bytes_max, std::vector<CoordinatorRecord>& out)
      : bytes_max_(bytes_max), out_(out), counted_(out.size()) {}

  /// Whether another removal may be written. Also counts what others put into the same records.
  bool has_room();
  void remove(OffsetStore& offsets, const OffsetPlace& place);

 private:
  const size_t bytes_max_;
  std::vector<CoordinatorRecord>& out_;
  size_t counted_;
  BatchBytes written_;
};

class OffsetUpkeep {
 public:
  struct DeletedTopic {
    std::string name;
    TopicId id;
  };

  explicit OffsetUpkeep(const GroupSettings& settings) : settings_(settings) {}

  void loaded(Now now);
  void topics_deleted(std::vector<DeletedTopic> topics, Now now);
  Instant next_deadline() const;

  /// Begins a turn: answers whether groups are to be looked at, from scan_from() on in the order of
  /// their ids.
  bool begin_turn(Now now);
  const std::string& scan_from() const { return scan_from_; }
  /// Removes what is too old of one group. Answers false when the batch is full before its end.
  bool expire(const Group& group, OffsetStore& offsets, WallTime now, RemovalBatch& batch) const;
  /// Removes what is left of deleted topics, of all groups, as far as the batch takes it.
  void drop_deleted(OffsetStore& offsets, RemovalBatch& batch);
  /// Ends a turn. `next`: the group that the scan goes on with, nothing where it is through.
  void end_turn(std::optional<std::string> next, Now now);

 private:
  static constexpr Duration kStepMax = 60s;
  static constexpr Duration kPause = 10ms;

  void begin_check(Now now);
  bool is_expired(const CommittedOffset& committed, const Group& group, WallTime now) const;
  bool drop_deleted(const std::string& group, OffsetStore& offsets, RemovalBatch& batch) const;

  const GroupSettings& settings_;
  std::optional<Now> last_check_;
  Instant next_check_;
  bool scanning_ = false;
  Instant next_turn_;  ///< while scanning_ or something is in deleted_
  std::string scan_from_;
  std::vector<DeletedTopic> deleted_;
  std::string drop_from_;
};

}  // namespace partita::coordinators
