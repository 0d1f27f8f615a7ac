#pragma once
// Kafka's text checkpoints: a line with the version, a line with the number of entries, one line an
// entry. What the lines mean is the business of offset_checkpoint.h and leader_epoch_cache.h.
//
// Invariants:
//  1. Parsing is strict: another version, another count, a last line without its end or anything
//     behind it is corrupt_data; an empty file too. A checkpoint that does not parse is to be
//     rebuilt or done without, never read as "offset 0".
//  2. Replacing leaves the old or the new contents after a crash, and the new one once it answered.
// Layout: docs/formats/storage.md.

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "runtime/disk.h"

namespace partita::storage {

inline constexpr uint64_t kCheckpointBytesMax = uint64_t{64} << 20;

/// The entries' lines, borrowed.
Result<std::vector<std::string_view>> parse_checkpoint(ByteView bytes, int version);

/// Each of `lines` ends with '\n'.
Bytes encode_checkpoint(int version, size_t count, std::string_view lines);

/// Splits a line at single spaces into exactly `count` words. corrupt_data where that fails.
Result<> split_words(std::string_view line, std::span<std::string_view> words);
/// A decimal number of at least 0 without sign or padding.
Result<int64_t> parse_count(std::string_view word, int64_t most);

/// Writes a temporary file, syncs it, renames it and syncs the directory.
Task<Result<>> write_checkpoint(Executor& executor, Disk& disk, std::string path, Bytes contents);

}  // namespace partita::storage
