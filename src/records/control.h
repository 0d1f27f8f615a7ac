#pragma once
// Keys and values of control records. Values of the types that raft writes are whole messages of
// wire/.

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace partita::records {

/// What a control record's key says. Readers skip the numbers that they do not know.
enum class ControlType : int16_t {
  abort = 0,
  commit = 1,
  leader_change = 2,
  snapshot_header = 3,
  snapshot_footer = 4,
  kraft_version = 5,
  kraft_voters = 6,
};

std::array<uint8_t, 4> encode_control_key(ControlType type);
/// Errc::corrupt_data where the bytes are too short or the key's version is negative; the type may
/// be an unknown number.
Result<ControlType> decode_control_key(ByteView key);

/// The value of ABORT and COMMIT.
std::array<uint8_t, 6> encode_end_txn_marker(int32_t coordinator_epoch);
Result<int32_t> decode_end_txn_marker(ByteView value);

}  // namespace partita::records
