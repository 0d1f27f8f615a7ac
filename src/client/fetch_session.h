#pragma once
// The client's side of an incremental fetch session with one broker (KIP-227): a request names only
// what changed since the one before.
//
// Invariants:
//  1. What the broker believes of the session is what the last answered request said; after any
//     error the next request is a full one.
//  2. One request at a time.

#include <map>

#include "client/topic_view.h"
#include "wire/messages/fetch.h"

namespace partita::client {

struct FetchWant {
  TopicId topic_id;
  Offset offset;
  LeaderEpoch current_leader_epoch = kNoLeaderEpoch;
  LeaderEpoch last_fetched_epoch = kNoLeaderEpoch;
  int32_t bytes_max = 0;

  bool operator==(const FetchWant&) const = default;
};
using FetchWants = std::map<TopicPartition, FetchWant>;

class FetchSession {
 public:
  /// Fills in session, topics and forgotten topics.
  void fill(wire::FetchRequest& request, const FetchWants& wants);
  /// The request was answered without an error of the whole.
  void answered(int32_t session_id);
  /// It was not. `lost`: the broker does not know the session any more.
  void failed(bool lost);

  bool is_full() const { return epoch_ == 0; }

 private:
  void fill_full(wire::FetchRequest& request, const FetchWants& wants) const;
  void fill_changes(wire::FetchRequest& request, const FetchWants& wants) const;

  int32_t id_ = 0;
  int32_t epoch_ = 0;
  FetchWants known_;
};

}  // namespace partita::client
