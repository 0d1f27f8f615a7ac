#include "raft/quorum_state.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

namespace partita::raft {

namespace {

std::unexpected<Error> malformed() {
  return fail(Errc::corrupt_data, "quorum-state is not what Kafka writes");
}

std::optional<int32_t> int32_in(const nlohmann::json& object, const char* name) {
  const auto at = object.find(name);
  if (at == object.end() || !at->is_number_integer()) return std::nullopt;
  const auto value = at->get<int64_t>();
  if (value < INT32_MIN || value > INT32_MAX) return std::nullopt;
  return static_cast<int32_t>(value);
}

}  // namespace

Bytes encode_quorum_state(const ElectionState& state) {
  const ReplicaKey voted = state.voted.value_or(ReplicaKey{});
  return Bytes::copy_of(fmt::format(
      R"({{"leaderId":{},"leaderEpoch":{},"votedId":{},"votedDirectoryId":"{}","data_version":1}})",
      state.leader.value(), state.epoch.value(), voted.id.value(), voted.directory.to_string()));
}

Result<ElectionState> decode_quorum_state(ByteView bytes) {
  const auto object = nlohmann::json::parse(as_text(bytes), nullptr, false);
  if (!object.is_object()) return malformed();
  const auto version = int32_in(object, "data_version");
  if (!version || (*version != 0 && *version != 1)) return malformed();
  const auto leader = int32_in(object, "leaderId");
  const auto epoch = int32_in(object, "leaderEpoch");
  if (!leader || !epoch || *epoch < 0 || *leader < -1) return malformed();
  ElectionState state{LeaderEpoch(*epoch), NodeId(*leader), {}};
  const int32_t voted = int32_in(object, "votedId").value_or(-1);
  if (voted < 0) return state;
  ReplicaKey key{NodeId(voted), {}};
  if (const auto at = object.find("votedDirectoryId"); at != object.end()) {
    if (!at->is_string()) return malformed();
    const auto directory = Uuid::parse(at->get<std::string>());
    if (!directory) return malformed();
    key.directory = *directory;
  }
  state.voted = key;
  return state;
}

}  // namespace partita::raft
