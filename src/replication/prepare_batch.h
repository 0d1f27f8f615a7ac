#pragma once
// From a produced batch to what the log writes: the topic's rules, and its codec where it has one
// of its own. Runs on the partition's shard, without suspending.

#include "records/check.h"
#include "records/compress.h"
#include "storage/log_config.h"
#include "storage/partition_log.h"

namespace partita::replication {

struct Codecs {
  records::Decompressor decompressor;
  records::Compressor compressor;
};

/// What `config` makes of the batch. The received bytes stay untouched; where the topic's codec or
/// append time demands other records, they are made anew.
records::Judged<storage::LeaderBatch> prepare_batch(const Bytes& received,
                                                    records::ProducedBatch& checked,
                                                    const storage::LogConfig& config, WallTime now,
                                                    Codecs& codecs);

}  // namespace partita::replication
