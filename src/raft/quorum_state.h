#pragma once
// `quorum-state`: what a replica of the quorum must never forget, one JSON object as Apache Kafka
// writes it (docs/formats/metadata-log.md). Version 1 names directories (kraft.version 1); version
// 0 is read.

#include "base/bytes.h"
#include "base/error.h"
#include "raft/messages.h"

namespace partita::raft {

inline constexpr const char* kQuorumStateFile = "quorum-state";
inline constexpr uint64_t kQuorumStateBytesMax = 64 * 1024;

Bytes encode_quorum_state(const ElectionState& state);
/// corrupt_data for what is no such object.
Result<ElectionState> decode_quorum_state(ByteView bytes);

}  // namespace partita::raft
