#pragma once
// `.kafka_cleanshutdown`: the last stop of this log directory was clean, and which broker epoch
// ended there.
//
// Invariants:
//  1. Written last of all, durably.
//  2. Removed durably before anything is appended: the directory is synced also where the file is
//     gone already, because a process may have been killed between the two.
// Layout: docs/formats/storage.md.

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "runtime/disk.h"

namespace partita::storage {

inline constexpr std::string_view kCleanShutdownFile = ".kafka_cleanshutdown";
inline constexpr BrokerEpoch kNoBrokerEpoch{-1};

Bytes encode_clean_shutdown(BrokerEpoch epoch);
/// The broker epoch, -1 where the file does not tell one. corrupt_data where it is not JSON of
/// version 0.
Result<BrokerEpoch> decode_clean_shutdown(ByteView bytes);

Task<Result<>> write_clean_shutdown(Executor& executor, Disk& disk, std::string directory,
                                    BrokerEpoch epoch);
/// Nothing where there is no marker. One that does not decode speaks of a clean stop as well, as in
/// Kafka, whose marker may be empty: it answers epoch -1.
Task<Result<std::optional<BrokerEpoch>>> read_clean_shutdown(Executor& executor, Disk& disk,
                                                             std::string directory);
Task<Result<>> remove_clean_shutdown(Executor& executor, Disk& disk, std::string directory);

}  // namespace partita::storage
