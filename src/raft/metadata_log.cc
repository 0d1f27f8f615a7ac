#include "raft/metadata_log.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/fault_points.h"
#include "raft/quorum_state.h"
#include "storage/log_config.h"

namespace partita::raft {

namespace {

constexpr size_t kReadBytes = size_t{1} << 20;
constexpr uint64_t kSnapshotBytesMax = uint64_t{1} << 32;
constexpr OffsetAndEpoch kBootstrap{Offset(0), LeaderEpoch(0)};

std::shared_ptr<const storage::LogConfig> metadata_config() {
  storage::LogConfig config;
  config.durability = storage::Durability::fsync;
  config.max_message_bytes = 64 << 20;
  // Only snapshots decide what may go.
  config.retention_ms = -1;
  config.retention_bytes = -1;
  config.file_delete_delay_ms = 0;
  return std::make_shared<const storage::LogConfig>(config);
}

storage::ShardLogsOptions logs_options() {
  return {.open_files_max = 16, .tail_ring_bytes = size_t{1} << 20};
}

Bytes joined(const ByteChain& chain) {
  if (chain.size() == 1) return chain.front();
  Buffer all(chain_size(chain));
  for (const Bytes& part : chain) all.append(part.view());
  return std::move(all).freeze();
}

}  // namespace

std::string snapshot_name(OffsetAndEpoch id) {
  return fmt::format("{:020}-{:010}.checkpoint", id.offset.value(), id.epoch.value());
}

std::optional<OffsetAndEpoch> parse_snapshot_name(std::string_view name) {
  constexpr size_t kOffsetDigits = 20;
  constexpr size_t kEpochDigits = 10;
  constexpr std::string_view kSuffix = ".checkpoint";
  if (name.size() != kOffsetDigits + 1 + kEpochDigits + kSuffix.size() || !name.ends_with(kSuffix))
    return {};
  if (name[kOffsetDigits] != '-') return {};
  int64_t offset = 0;
  int32_t epoch = 0;
  const char* const from = name.data();
  const char* const middle = from + kOffsetDigits;
  const char* const end = middle + 1 + kEpochDigits;
  if (std::from_chars(from, middle, offset).ptr != middle) return {};
  if (std::from_chars(middle + 1, end, epoch).ptr != end) return {};
  if (offset < 0 || epoch < 0) return {};
  return OffsetAndEpoch{Offset(offset), LeaderEpoch(epoch)};
}

MetadataLog::MetadataLog(Scope& scope, storage::LogDirectory& directory, Log log)
    : scope_(scope),
      shard_(scope.shard()),
      directory_(directory),
      lines_(log),
      path_(join_path(directory.path(), kMetadataDirectory)),
      logs_(scope, directory, logs_options(), log) {}

MetadataLog::~MetadataLog() = default;

Task<Result<std::unique_ptr<MetadataLog>>> MetadataLog::open(
    Scope& scope, storage::LogDirectory& directory, std::optional<storage::FoundPartition> found,
    VoterSet static_voters, Log log) {
  auto opened = std::unique_ptr<MetadataLog>(new MetadataLog(scope, directory, log));
  CO_CHECKED(co_await opened->load(std::move(found), std::move(static_voters)));
  co_return opened;
}

std::string MetadataLog::path_of(std::string_view name) const {
  return join_path(path_, name);
}

// --- loading ---

Task<Result<>> MetadataLog::load(std::optional<storage::FoundPartition> found,
                                 VoterSet static_voters) {
  QuorumRecords quorum;
  CO_CHECKED(co_await load_quorum_state());
  CO_CHECKED(co_await find_snapshots(quorum));
  boot_.voters_only_in_bootstrap = quorum.voters.has_value() && !latest_snapshot();
  CO_CHECKED(co_await open_log(std::move(found)));
  CO_CHECKED(co_await scan(quorum));
  kraft_version_ = quorum.kraft_version.value_or(0);
  boot_.voters = quorum.voters.value_or(std::move(static_voters));
  boot_.log_start = log_start();
  boot_.log_end = log_end();
  boot_.snapshot = latest_snapshot();
  co_return Result<>();
}

Task<Result<>> MetadataLog::load_quorum_state() {
  const auto bytes = co_await read_file(shard_.executor(), shard_.disk(), path_of(kQuorumStateFile),
                                        kQuorumStateBytesMax);
  if (!bytes && bytes.error().code == Errc::not_found) co_return Result<>();
  CO_CHECKED(bytes);
  CO_TRY(boot_.election, decode_quorum_state(bytes->view()));
  co_return Result<>();
}

Task<Result<>> MetadataLog::find_snapshots(QuorumRecords& quorum) {
  const auto entries = shard_.disk().list(path_);
  if (!entries && entries.error().code == Errc::not_found) co_return Result<>();
  CO_CHECKED(entries);
  for (const DirectoryEntry& entry : *entries) {
    // Downloads and writes that a stop cut short.
    if (entry.name.ends_with(".part") || entry.name.ends_with(".tmp")) {
      CO_CHECKED(shard_.disk().unlink(path_of(entry.name)));
    }
    if (entry.name.ends_with(".log")) has_segments_ = true;
    if (const auto id = parse_snapshot_name(entry.name)) snapshots_.push_back(*id);
  }
  std::ranges::sort(snapshots_, {},
                    [](const OffsetAndEpoch& id) { return std::pair(id.offset, id.epoch); });
  if (snapshots_.empty()) co_return Result<>();
  CO_TRY(const Bytes file, co_await whole_snapshot(snapshots_.back()));
  auto checked = check_snapshot(file.view());
  if (!checked) {
    co_return fail(Errc::corrupt_data,
                   path_of(snapshot_name(snapshots_.back())) + ": " + describe(checked.error()));
  }
  quorum = *std::move(checked);
  co_return Result<>();
}

Task<Result<>> MetadataLog::open_log(std::optional<storage::FoundPartition> found) {
  const storage::TopicPartition name{.topic = kMetadataTopic, .partition = PartitionIndex(0)};
  // A directory that was only formatted has no log yet: the first append makes all its files.
  if (found && (has_segments_ || latest_snapshot())) {
    log_ = &logs_.open(*found, kMetadataTopicId, metadata_config());
    CO_CHECKED(co_await log_->load());
  } else {
    log_ = &logs_.create(name, kMetadataTopicId, metadata_config());
  }
  if (!log_->quarantined().empty())
    co_return fail(Errc::corrupt_data, path_ + " has a corrupt segment");
  const auto snapshot = latest_snapshot();
  if (snapshot && log_end() < snapshot->offset) {
    COVERED("raft.log_behind_snapshot");
    CO_CHECKED(co_await log_->truncate_fully_and_start_at(snapshot->offset));
  }
  if (snapshot && log_start() < snapshot->offset) {
    COVERED("raft.trim_finished_at_boot");
    CO_CHECKED(co_await trim(*snapshot));
  }
  const Offset needed = snapshot ? snapshot->offset : Offset(0);
  if (log_start() > needed) {
    co_return fail(Errc::corrupt_data, fmt::format("{} starts at {} and no snapshot ends there",
                                                   path_, log_start().value()));
  }
  co_return Result<>();
}

Task<Result<>> MetadataLog::scan(QuorumRecords& quorum) {
  const auto snapshot = latest_snapshot();
  if (snapshot) boot_.epochs.reset(*snapshot);
  Offset next = log_start();
  while (next < log_end()) {
    CO_TRY(const auto read, co_await log_->read(next, kReadBytes, log_end(), true));
    if (read.next_offset == next)
      co_return fail(Errc::corrupt_data, path_ + " cannot be read to its end");
    const Bytes bytes = joined(read.bytes);
    records::BatchIterator batches(bytes.view());
    while (true) {
      CO_TRY(const auto batch, batches.next());
      if (!batch) break;
      if (batch->partition_leader_epoch() < boot_.epochs.last()) {
        co_return fail(Errc::corrupt_data, path_ + " goes back to an earlier epoch");
      }
      boot_.epochs.append(batch->partition_leader_epoch(), batch->base_offset());
      if (!batch->attributes().is_control()) continue;
      QuorumRecords told;
      CO_CHECKED(read_control_batch(*batch, told));
      if (told.kraft_version) quorum.kraft_version = told.kraft_version;
      if (told.voters) {
        quorum.voters = std::move(told.voters);
        boot_.voters_only_in_bootstrap = false;
      }
    }
    next = read.next_offset;
  }
  co_return Result<>();
}

// --- the log ---

Result<> MetadataLog::append(Bytes batch, LeaderEpoch epoch) {
  TRY(const auto view, records::BatchView::parse(batch.view()));
  CHECK(view.base_offset() == log_end());
  storage::LeaderBatch leader{.bytes = std::move(batch), .prefix = records::BatchPrefix::of(view)};
  CHECKED(log_->append_as_leader(std::move(leader), epoch, shard_.clock().wall(),
                                 storage::AppendOrigin::raft));
  return {};
}

Result<> MetadataLog::append_fetched(const Bytes& batches) {
  CHECKED(log_->append_as_follower(batches, shard_.clock().wall()));
  return {};
}

Task<Result<storage::ReadResult>> MetadataLog::read(Offset from, size_t bytes_max, Offset end) {
  co_return co_await log_->read(from, bytes_max, end, true);
}

Task<Result<>> MetadataLog::truncate(Offset end) {
  co_return co_await log_->truncate_to(end);
}

Task<Result<>> MetadataLog::persist(ElectionState state) {
  const auto made = shard_.disk().make_directory(path_);
  if (!made && made.error().code != Errc::already_exists) co_return made;
  if (made)
    CO_CHECKED(co_await sync_directory(shard_.executor(), shard_.disk(), directory_.path()));
  co_return co_await replace_file(shard_.executor(), shard_.disk(), path_of(kQuorumStateFile),
                                  encode_quorum_state(state));
}

// --- snapshots ---

std::optional<OffsetAndEpoch> MetadataLog::latest_snapshot() const {
  if (snapshots_.empty() || snapshots_.back() == kBootstrap) return std::nullopt;
  return snapshots_.back();
}

bool MetadataLog::has_snapshot(OffsetAndEpoch id) const {
  return id != kBootstrap && std::ranges::find(snapshots_, id) != snapshots_.end();
}

Task<Result<>> MetadataLog::save_snapshot(OffsetAndEpoch id, Buffer file) {
  const std::string name = path_of(snapshot_name(id));
  const std::string part = name + ".part";
  {
    CO_TRY(auto opened, shard_.disk().open(part, OpenMode::create_or_open));
    CO_CHECKED(opened->truncate(0));
    CO_CHECKED(opened->write(0, file.view()));
    if (!mutant("raft.skip_snapshot_sync")) CO_CHECKED(co_await sync(shard_.executor(), *opened));
  }
  CO_CHECKED(shard_.disk().rename(part, name));
  if (!mutant("raft.skip_snapshot_name_sync")) {
    CO_CHECKED(co_await sync_directory(shard_.executor(), shard_.disk(), path_));
  }
  if (std::ranges::find(snapshots_, id) == snapshots_.end()) snapshots_.push_back(id);
  co_return Result<>();
}

Task<Result<>> MetadataLog::trim(OffsetAndEpoch snapshot) {
  CHECK(has_snapshot(snapshot));
  CHECK(snapshot.offset <= log_end());
  log_->set_high_watermark(snapshot.offset);
  CO_CHECKED(log_->roll(shard_.clock().wall()));
  CO_CHECKED(co_await log_->delete_records(snapshot.offset));
  CO_CHECKED(co_await logs_.delete_due_files(shard_.now()));
  std::vector<OffsetAndEpoch> kept;
  for (const OffsetAndEpoch& id : snapshots_) {
    if (id.offset >= snapshot.offset) {
      kept.push_back(id);
    } else {
      CO_CHECKED(shard_.disk().unlink(path_of(snapshot_name(id))));
    }
  }
  snapshots_ = std::move(kept);
  co_return Result<>();
}

Task<Result<>> MetadataLog::start_at(OffsetAndEpoch snapshot) {
  CHECK(has_snapshot(snapshot));
  co_return co_await log_->truncate_fully_and_start_at(snapshot.offset);
}

Task<Result<Bytes>> MetadataLog::whole_snapshot(OffsetAndEpoch id) {
  co_return co_await read_file(shard_.executor(), shard_.disk(), path_of(snapshot_name(id)),
                               kSnapshotBytesMax);
}

Task<Result<uint64_t>> MetadataLog::snapshot_size(OffsetAndEpoch id) {
  CO_TRY(const DirectoryEntry entry, shard_.disk().stat(path_of(snapshot_name(id))));
  co_return entry.size;
}

Task<Result<Bytes>> MetadataLog::read_snapshot(OffsetAndEpoch id, uint64_t position,
                                               size_t bytes_max) {
  CO_TRY(auto file, shard_.disk().open(path_of(snapshot_name(id)), OpenMode::read));
  CO_TRY(const uint64_t size, file->size());
  if (position > size) co_return fail(Errc::position_out_of_range);
  const size_t count = std::min<uint64_t>(size - position, bytes_max);
  Buffer bytes(count);
  bytes.resize(count);
  CO_CHECKED(co_await read_exactly(shard_.executor(), *file, position, bytes.span()));
  co_return std::move(bytes).freeze();
}

Task<Result<>> MetadataLog::close() {
  CO_CHECKED(co_await logs_.close_cleanly());
  co_return co_await logs_.write_checkpoints();
}

}  // namespace partita::raft
