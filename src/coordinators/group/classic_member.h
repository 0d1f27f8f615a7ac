#pragma once
// A member of a classic group. ClassicGroup owns it and keeps its counts in step.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "coordinators/group/group.h"
#include "wire/messages/join_group.h"

namespace partita::coordinators {

struct ClassicProtocol {
  std::string name;
  Bytes metadata;
  bool operator==(const ClassicProtocol&) const = default;
};

/// A request that waits for the group.
struct Waiting {
  Ticket ticket = 0;
  int16_t version = 0;
};

struct ClassicMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  int32_t rebalance_timeout_ms = 0;
  int32_t session_timeout_ms = 0;
  std::vector<ClassicProtocol> protocols;  ///< in the member's order of preference
  Bytes assignment;

  // Soft state: gone with the coordinator.
  std::optional<Waiting> join;
  std::optional<Waiting> sync;
  Instant session_deadline = kNoDeadline;
  bool is_new = false;        ///< has not been answered with a generation yet
  bool sync_pending = false;  ///< has not synced in this generation

  bool is_static() const { return instance_id.has_value(); }
  /// Who waits is heard of when the wait is over; a new member may be gone without a sign.
  bool needs_no_heartbeat() const { return !is_new && (join || sync); }
  /// How people know it: the instance where it has one.
  std::string_view label() const { return instance_id ? *instance_id : id; }
  /// Empty where the member does not know the protocol.
  ByteView metadata(std::string_view protocol) const;
  bool knows(std::string_view protocol) const;
  bool has_protocols(const wire::JoinGroupRequestView& request) const;
  size_t largest_metadata() const;
  /// Of its part in the group's record, whichever protocol is chosen.
  size_t record_bytes() const;
};

/// Without repeated names.
std::vector<ClassicProtocol> protocols_of(const wire::JoinGroupRequestView& request);
/// Memory that the protocols of a request take once they are kept.
size_t protocol_bytes(const wire::JoinGroupRequestView& request);
/// The largest metadata of a request.
size_t metadata_bytes(const wire::JoinGroupRequestView& request);
/// Version 0 has no rebalance timeout: the session's counts.
int32_t rebalance_timeout_of(const wire::JoinGroupRequestView& request);
/// What a new member is called: its instance or client, and something that nobody can guess.
std::string make_member_id(std::string_view client_or_instance, const Uuid& unique);

}  // namespace partita::coordinators
