#pragma once
// What a group takes along when it changes its kind online (KIP-848): a classic group of consumers
// becomes a consumer group when a member of the new protocol joins, and a consumer group becomes a
// classic one when the last of those leaves. Neither kind knows the other's class; GroupMachine
// hands this over. ClassicGroup gives it away by hand_over() and is made from it; so is
// ConsumerGroup.
//
// Invariants:
//  1. Every member speaks the classic protocol, of type "consumer": its protocols and its
//     assignment are ConsumerProtocol's bytes behind their int16 version.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace partita::coordinators {

struct HandedMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  Duration rebalance_timeout{0};
  Duration session_timeout{0};
  std::vector<std::pair<std::string, Bytes>> protocols;  ///< most wanted first; name, metadata
  Bytes assignment;                                      ///< empty where none was given yet
};

struct HandedGroup {
  int32_t generation = 0;  ///< the consumer group's epoch
  /// What the classic group had chosen; nothing of a consumer group, or before the first choice.
  std::optional<std::string> protocol_name;
  std::vector<HandedMember> members;  ///< by id
};

}  // namespace partita::coordinators
