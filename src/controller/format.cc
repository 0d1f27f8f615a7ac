#include "controller/format.h"

#include "metadata/log_replay.h"
#include "raft/control_batches.h"
#include "raft/metadata_log.h"

namespace partita::controller {

namespace {

constexpr uint64_t kBootstrapBytesMax = uint64_t{16} << 20;
constexpr raft::OffsetAndEpoch kBegin{Offset(0), LeaderEpoch(0)};

Result<Bytes> bootstrap_file(const FormatOptions& options, WallTime now) {
  raft::SnapshotBuilder builder(kBegin, 0, now);
  for (const auto& [name, level] : options.features) {
    TRY(const Bytes frame,
        metadata::encode_record(
            {wire::FeatureLevelRecord{.name = name, .feature_level = level}, 0}));
    CHECKED(builder.add_frame(frame.view()));
  }
  TRY(Buffer file, builder.finish());
  return std::move(file).freeze();
}

Task<Result<>> write_voters(Executor& executor, Disk& disk, const FormatOptions& options,
                            WallTime now) {
  const std::string log = join_path(options.directory, raft::kMetadataDirectory);
  const auto made = disk.make_directory(log);
  if (!made && made.error().code != Errc::already_exists) co_return made;
  raft::SnapshotBuilder builder(kBegin, now.ms(), now);
  CO_CHECKED(builder.add_quorum(metadata::kKraftVersion, raft::VoterSet(options.voters)));
  CO_TRY(Buffer voters, builder.finish());
  co_return co_await replace_file(executor, disk, join_path(log, raft::snapshot_name(kBegin)),
                                  std::move(voters).freeze());
}

}  // namespace

Task<Result<>> format_directory(Executor& executor, Disk& disk, FormatOptions options,
                                WallTime now) {
  if (!options.voters.empty()) CO_CHECKED(co_await write_voters(executor, disk, options, now));
  CO_TRY(Bytes bootstrap, bootstrap_file(options, now));
  // Its directory's sync makes the log's directory durable as well.
  co_return co_await replace_file(
      executor, disk, join_path(options.directory, kBootstrapCheckpoint), std::move(bootstrap));
}

Task<Result<Records>> read_bootstrap(Executor& executor, Disk& disk, std::string directory) {
  const auto file = co_await read_file(executor, disk, join_path(directory, kBootstrapCheckpoint),
                                       kBootstrapBytesMax);
  if (!file && file.error().code == Errc::not_found) co_return Records();
  CO_CHECKED(file);
  CO_CHECKED(raft::check_snapshot(file->view()));
  Records records;
  records::BatchIterator batches(file->view());
  while (true) {
    CO_TRY(const auto batch, batches.next());
    if (!batch) co_return records;
    if (batch->attributes().is_control()) continue;
    CO_CHECKED(metadata::for_each_value(*batch, [&records](ByteView value, Offset) -> Result<> {
      TRY(metadata::Record record, metadata::decode_record(value));
      records.push_back(std::move(record));
      return {};
    }));
  }
}

}  // namespace partita::controller
