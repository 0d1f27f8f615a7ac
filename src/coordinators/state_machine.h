#pragma once
// What a coordinator keeps in one partition of its internal topic, as a pure machine: it is told of
// events and the time, changes its state at once, and says which records that takes and what may be
// said about it once they are committed. CoordinatorPartition gives it a log.
//
// Invariants:
//  1. All state that outlives a process follows from replay() of the records in their order.
//  2. An event's records become one batch: all of them or none are ever seen again.
//  3. Whatever an event answers or releases is held back until its records, and all records before
//     them, are committed: no answer rests on something that could still be lost.
//  4. Where an append fails, the machine is thrown away and a new one replays the log.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "coordinators/record.h"
#include "metadata/image.h"

namespace partita::coordinators {

/// Both clocks: deadlines go by `instant`; `wall` only labels what is written and ages it.
struct Now {
  Instant instant;
  WallTime wall;
};

/// Who waits for an answer that comes with a later event. Given by the caller, unique per process.
using Ticket = uint64_t;

struct ProducerTag {
  ProducerId id = kNoProducerId;
  ProducerEpoch epoch = kNoProducerEpoch;
  bool operator==(const ProducerTag&) const = default;
};

/// What an event leads to. `Release` is the machine's own type of what is let go when the records
/// are committed: deferred answers, orders to others.
template <class Release>
struct Effects {
  std::vector<CoordinatorRecord> records;
  /// The records belong to this producer's transaction: they count when its marker comes.
  std::optional<ProducerTag> transaction = {};
  std::vector<Release> releases;
};

/// A record as it stands in the log. Views live for the call.
struct ReplayedRecord {
  ByteView key;
  std::optional<ByteView> value;  ///< nothing: a tombstone
  Offset offset;
  WallTime timestamp;
  std::optional<ProducerTag> transaction;  ///< of a transactional batch
};

/// A transaction marker as it stands in the log.
struct ReplayedMarker {
  ProducerTag producer;
  bool is_commit = false;
  Offset offset;
  WallTime timestamp;
};

template <class ReleaseType>
class StateMachine {
 public:
  using Release = ReleaseType;
  using Effects = coordinators::Effects<Release>;

  virtual ~StateMachine() = default;

  /// In log order, before loaded(). An Error is logged and the record skipped: a log written by
  /// another release must not keep a coordinator from loading.
  virtual Result<> replay(const ReplayedRecord& record) = 0;
  /// While loading, and for every marker that is appended later.
  virtual void replay(const ReplayedMarker& marker) = 0;
  /// All of the log is replayed; from here on events come.
  virtual void loaded(Now now, Effects& out) = 0;

  /// When tick() must be called next, at the latest.
  virtual Instant next_deadline() const = 0;
  virtual void tick(Now now, Effects& out) = 0;
  /// The cluster's metadata is this from now on. Called once before loaded().
  virtual void image_changed(std::shared_ptr<const metadata::Image> image, Now now,
                             Effects& out) = 0;
};

}  // namespace partita::coordinators
