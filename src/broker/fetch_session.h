#pragma once
// Incremental fetch sessions (KIP-227): a consumer names its partitions once; afterwards it sends
// only changes and is told only changes. One cache per shard, on that shard.
//
// Invariants:
//  1. (id 0, epoch -1) fetches without a session; (0, 0) makes one; (id, n) goes on with n + 1
//     following, wrapping from INT32_MAX to 1; (id, -1) ends it.
//  2. A partition whose data was sent moves behind those that had none, so that every partition is
//     served in turn.
//  3. Slots and partitions are bounded: a full cache gives sessions only in place of idle ones,
//     others fetch sessionless.

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "base/uuid.h"
#include "runtime/random.h"

namespace partita::broker {

/// One partition as a fetch request (and its session) names it. Requests carry either the name or
/// the id.
struct FetchPartition {
  std::string topic;
  TopicId topic_id;
  int32_t partition = 0;
  LeaderEpoch current_leader_epoch = kNoLeaderEpoch;
  LeaderEpoch last_fetched_epoch = kNoLeaderEpoch;
  Offset fetch_offset;
  Offset log_start_offset{-1};  ///< a follower's
  int32_t max_bytes = 0;
  // What the client was told last.
  Offset told_high_watermark{-1};
  Offset told_log_start{-1};
  bool told_error = false;
};

struct FetchKey {
  std::string topic;
  TopicId topic_id;
  int32_t partition = 0;

  auto operator<=>(const FetchKey&) const = default;
};

class FetchSession {
 public:
  FetchSession(int32_t id, bool topic_ids) : id_(id), topic_ids_(topic_ids) {}

  int32_t id() const { return id_; }
  bool uses_topic_ids() const { return topic_ids_; }
  /// In the order in which they are to be served.
  std::list<FetchPartition>& partitions() { return order_; }
  size_t size() const { return order_.size(); }
  /// Adds or changes.
  void update(FetchPartition partition);
  void forget(const FetchKey& key);
  /// One fetch works with a session at a time: false where another does.
  bool begin_use() { return !std::exchange(in_use_, true); }
  void end_use() { in_use_ = false; }
  /// To be called for one whose data is sent.
  void move_to_back(std::list<FetchPartition>::iterator at) {
    order_.splice(order_.end(), order_, at);
  }

 private:
  friend class FetchSessionCache;
  const int32_t id_;
  const bool topic_ids_;
  int32_t next_epoch_ = 1;
  Instant last_used_;
  bool in_use_ = false;
  std::list<FetchPartition> order_;
  std::map<FetchKey, std::list<FetchPartition>::iterator> by_key_;
};

struct FetchSessionLimits {
  size_t slots = 1000;  ///< max.incremental.fetch.session.cache.slots
  Duration idle_until_evicted = 120s;
  size_t partitions_max = 100'000;  ///< of one session; a larger fetch goes without
};

class FetchSessionCache {
 public:
  FetchSessionCache(FetchSessionLimits limits, Random& random) : limits_(limits), random_(random) {}

  /// Makes room and a session where the limits allow one, else null: the fetch goes on without.
  std::shared_ptr<FetchSession> create(size_t partition_count, bool topic_ids, Instant now);
  /// The session to go on with, its epoch advanced: fetch_session_id_not_found,
  /// invalid_fetch_session_epoch, fetch_session_topic_id_error where names and ids are mixed.
  Result<std::shared_ptr<FetchSession>> use(int32_t id, int32_t epoch, bool topic_ids, Instant now);
  void remove(int32_t id) { sessions_.erase(id); }
  size_t size() const { return sessions_.size(); }
  size_t partition_count() const;

 private:
  bool make_room(Instant now);

  const FetchSessionLimits limits_;
  Random& random_;
  std::map<int32_t, std::shared_ptr<FetchSession>> sessions_;
};

}  // namespace partita::broker
