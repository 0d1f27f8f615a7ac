#include "cli/log_dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "cli/dump_problems.h"
#include "cli/log_dump_text.h"
#include "cli/log_file.h"
#include "records/batch_records.h"
#include "runtime/linux/processes.h"
#include "storage/producer_snapshot.h"

namespace partita::cli {
namespace {

constexpr uint64_t kIndexBytesMax = uint64_t{64} << 20;
constexpr size_t kOffsetEntryBytes = 8;
constexpr size_t kTimeEntryBytes = 12;
constexpr size_t kAbortedEntryBytes = 34;  // of an index of aborted transactions
constexpr size_t kFlushBytes = 64 << 10;

struct FileName {
  std::string path;
  std::string name;    // behind the last slash
  std::string suffix;  // behind the first dot of the name, with it
};

FileName parse_name(const std::string& path) {
  FileName file{.path = path, .name = path.substr(path.rfind('/') + 1), .suffix = {}};
  const size_t dot = file.name.rfind('.');
  if (dot != std::string::npos) file.suffix = file.name.substr(dot);
  return file;
}

Result<int64_t> offset_of(const FileName& file) {
  const std::string_view digits =
      std::string_view(file.name).substr(0, file.name.find_first_of(".-"));
  int64_t offset = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), offset);
  if (!digits.empty() && error == std::errc() && end == digits.data() + digits.size()) {
    return offset;
  }
  return fail(Errc::invalid_argument, fmt::format("For input string: \"{}\"", digits));
}

class Dump {
 public:
  Dump(Shard& shard, DumpOptions options, const DumpOutput& output)
      : shard_(shard), options_(options), output_(output) {
    options_.payloads |= options_.metadata || options_.coordinator != CoordinatorLog::none;
    options_.records |= options_.payloads;
  }

  Task<Result<>> run(std::vector<std::string> files) {
    for (const std::string& path : files) {
      say(fmt::format("Dumping {}\n", path));
      const FileName file = parse_name(path);
      Result<> dumped;
      if (file.suffix == ".log" || file.suffix == ".checkpoint") {
        dumped = co_await dump_log(file);
      } else if (file.suffix == ".index") {
        dumped = co_await dump_index(file);
      } else if (file.suffix == ".timeindex") {
        dumped = co_await dump_time_index(file);
      } else if (file.suffix == ".txnindex") {
        dumped = co_await dump_transaction_index(file);
      } else if (file.suffix == ".snapshot") {
        dumped = co_await dump_snapshot(file);
      } else {
        flush();
        output_.err(fmt::format("Ignoring unknown file {}\n", path));
      }
      flush();
      if (!dumped) co_return dumped;
    }
    problems_.tell(output_.err);
    co_return Result<>();
  }

 private:
  Task<Result<>> dump_log(FileName file);
  Result<> dump_records(const StoredBatch& batch, const FileName& file);
  Task<Result<>> dump_index(FileName file);
  Task<Result<>> dump_time_index(FileName file);
  Task<Result<>> dump_transaction_index(FileName file);
  Task<Result<>> dump_snapshot(FileName file);
  Task<Result<>> check_index_entry(LogFile& log, const FileName& file, int64_t offset,
                                   uint32_t position);
  Task<Result<>> check_time_entry(LogFile& log, const FileName& file, int64_t timestamp,
                                  int64_t offset, uint64_t position, int64_t previous);
  Task<Result<Bytes>> read_index(std::string path) {
    return read_file(shard_.executor(), shard_.disk(), std::move(path), kIndexBytesMax);
  }
  Result<> check_index(const FileName& file, ByteView bytes, size_t entry_bytes);
  Result<int64_t> latest_timestamp(const StoredBatch& batch);

  void say(std::string_view text) {
    text_ += text;
    if (text_.size() >= kFlushBytes) flush();
  }
  void flush() {
    output_.out(text_);
    text_.clear();
  }

  Shard& shard_;
  DumpOptions options_;
  const DumpOutput& output_;
  records::Decompressor decompressor_;
  std::string text_;
  int64_t last_offset_ = -1;
  DumpProblems problems_;
};

// --- Logs ---

Task<Result<>> Dump::dump_log(FileName file) {
  if (file.suffix == ".log") {
    CO_TRY(const int64_t start, offset_of(file));
    say(fmt::format("Log starting offset: {}\n", start));
  } else if (file.name == "bootstrap.checkpoint") {
    say("KRaft bootstrap snapshot\n");
  } else {
    CO_TRY(const int64_t end, offset_of(file));
    const size_t dash = file.name.find('-');
    int64_t epoch = 0;
    if (dash != std::string::npos) {
      std::from_chars(file.name.data() + dash + 1, file.name.data() + file.name.size(), epoch);
    }
    say(fmt::format("Snapshot end offset: {}, epoch: {}\n", end, epoch));
  }
  CO_TRY(LogFile log, co_await LogFile::open(shard_, file.path));
  const uint64_t limit =
      std::min(log.size(), static_cast<uint64_t>(std::max<int64_t>(options_.batches_bytes_max, 0)));
  uint64_t position = 0;
  last_offset_ = -1;
  while (position < limit) {
    CO_TRY(const auto batch, co_await log.batch_at(position));
    if (!batch || position + batch->view.total_size() > limit) break;
    say(batch_line(batch->view, position));
    if (options_.records) CO_CHECKED(dump_records(*batch, file));
    position += batch->view.total_size();
  }
  const bool cut = options_.batches_bytes_max != INT64_MAX;
  if (!cut && position < log.size()) {
    say(fmt::format("Found {} invalid bytes at the end of {}\n", log.size() - position, file.name));
  }
  co_return Result<>();
}

Result<> Dump::dump_records(const StoredBatch& batch, const FileName& file) {
  const auto records = records::BatchRecords::open(batch.view, decompressor_);
  if (!records) {
    say(fmt::format("| {}\n", describe(records.error())));
    return {};
  }
  auto iterator = records->iterate();
  records::Record record;
  while (true) {
    const auto found = iterator.next(record);
    if (!found) say(fmt::format("| {}\n", describe(found.error())));
    if (!found || !*found) return {};
    const int64_t offset = batch.view.offset_at(record.offset_delta).value();
    if (offset != last_offset_ + 1) {
      problems_.gaps[absolute_path(file.path)].emplace_back(last_offset_, offset);
    }
    last_offset_ = offset;
    append_record_line(text_, batch.view, record, options_);
    say("");
  }
}

// --- Indexes ---

Result<> Dump::check_index(const FileName& file, ByteView bytes, size_t entry_bytes) {
  TRY(const int64_t base, offset_of(file));
  const auto broken = [&](std::string_view why) {
    return fail(Errc::corrupt_data, fmt::format("Corrupt index found, index file ({}) {}",
                                                absolute_path(file.path), why));
  };
  if (bytes.size() % entry_bytes != 0) {
    return broken(
        fmt::format("has {} bytes, which is not a multiple of {}", bytes.size(), entry_bytes));
  }
  int64_t previous = -1;
  for (size_t at = 0; at < bytes.size(); at += entry_bytes) {
    const uint8_t* entry = bytes.data() + at;
    const int64_t relative = load_be<uint32_t>(entry + (entry_bytes == kTimeEntryBytes ? 8 : 0));
    const int64_t key = entry_bytes == kTimeEntryBytes ? load_be<int64_t>(entry) : relative;
    const bool padding = relative == 0 && at > 0;
    if (padding) break;
    if (key <= previous && at > 0) {
      return broken(fmt::format("has entries out of order behind offset {}", base + relative));
    }
    previous = key;
  }
  say(fmt::format("{} passed sanity check.\n", file.path));
  return {};
}

Task<Result<>> Dump::dump_index(FileName file) {
  CO_TRY(const int64_t base, offset_of(file));
  CO_TRY(const Bytes bytes, co_await read_index(file.path));
  if (bytes.size() < kOffsetEntryBytes) {
    say(fmt::format("{} is empty.\n", file.path));
    co_return Result<>();
  }
  if (options_.sanity_check) co_return check_index(file, bytes.view(), kOffsetEntryBytes);
  const std::string log_path = file.path.substr(0, file.path.size() - file.suffix.size()) + ".log";
  CO_TRY(LogFile log, co_await LogFile::open(shard_, log_path));
  for (size_t at = 0; at + kOffsetEntryBytes <= bytes.size(); at += kOffsetEntryBytes) {
    const auto relative = load_be<uint32_t>(bytes.data() + at);
    const auto position = load_be<uint32_t>(bytes.data() + at + 4);
    // A preallocated file ends in zeros.
    if (relative == 0 && at > 0) break;
    CO_CHECKED(co_await check_index_entry(log, file, base + relative, position));
    if (!options_.verify_only) {
      say(fmt::format("offset: {} position: {}\n", base + relative, position));
    }
  }
  co_return Result<>();
}

Task<Result<>> Dump::check_index_entry(LogFile& log, const FileName& file, int64_t offset,
                                       uint32_t position) {
  CO_TRY(const auto batch, co_await log.batch_at(position));
  const int64_t last = batch ? batch->view.last_offset().value() : -1;
  if (last != offset)
    problems_.index_mismatches[absolute_path(file.path)].emplace_back(offset, last);
  co_return Result<>();
}

/// Where to begin to look for an offset: the position of the last entry at or below it.
uint64_t position_below(ByteView index, int64_t relative) {
  uint64_t position = 0;
  for (size_t at = 0; at + kOffsetEntryBytes <= index.size(); at += kOffsetEntryBytes) {
    const auto entry = load_be<uint32_t>(index.data() + at);
    if (entry > relative || (entry == 0 && at > 0)) break;
    position = load_be<uint32_t>(index.data() + at + 4);
  }
  return position;
}

Task<Result<>> Dump::dump_time_index(FileName file) {
  CO_TRY(const int64_t base, offset_of(file));
  CO_TRY(const Bytes bytes, co_await read_index(file.path));
  if (options_.sanity_check) co_return check_index(file, bytes.view(), kTimeEntryBytes);
  const std::string stem = file.path.substr(0, file.path.size() - file.suffix.size());
  CO_TRY(LogFile log, co_await LogFile::open(shard_, stem + ".log"));
  const Result<Bytes> index = co_await read_index(stem + ".index");
  int64_t previous = -1;
  for (size_t at = 0; at + kTimeEntryBytes <= bytes.size(); at += kTimeEntryBytes) {
    const auto timestamp = load_be<int64_t>(bytes.data() + at);
    const auto relative = load_be<uint32_t>(bytes.data() + at + 8);
    if (relative == 0 && at > 0) break;
    const uint64_t position = index ? position_below(index->view(), relative) : 0;
    CO_CHECKED(
        co_await check_time_entry(log, file, timestamp, base + relative, position, previous));
    if (!options_.verify_only) {
      say(fmt::format("timestamp: {} offset: {}\n", timestamp, base + relative));
    }
    previous = timestamp;
  }
  co_return Result<>();
}

Result<int64_t> Dump::latest_timestamp(const StoredBatch& batch) {
  TRY(const auto records, records::BatchRecords::open(batch.view, decompressor_));
  auto iterator = records.iterate();
  records::Record record;
  int64_t latest = -1;
  while (true) {
    TRY(const bool found, iterator.next(record));
    if (!found) return latest;
    latest = std::max(latest, batch.view.timestamp_at(record.timestamp_delta).ms());
  }
}

Task<Result<>> Dump::check_time_entry(LogFile& log, const FileName& file, int64_t timestamp,
                                      int64_t offset, uint64_t position, int64_t previous) {
  const std::string path = absolute_path(file.path);
  while (true) {
    CO_TRY(const auto batch, co_await log.batch_at(position));
    const int64_t last = batch ? batch->view.last_offset().value() : -1;
    if (batch && last < offset) {
      position += batch->view.total_size();
      continue;
    }
    if (last != offset) {
      problems_.time_not_found[path].emplace_back(offset, last);
      co_return Result<>();
    }
    const Result<int64_t> latest = latest_timestamp(*batch);
    if (!latest || *latest != timestamp) {
      problems_.time_mismatches[path].emplace_back(timestamp, latest.value_or(-1));
    }
    if (previous >= timestamp) problems_.time_disorder[path].emplace_back(timestamp, previous);
    co_return Result<>();
  }
}

// --- The rest ---

Task<Result<>> Dump::dump_transaction_index(FileName file) {
  CO_TRY(const Bytes bytes, co_await read_index(file.path));
  for (size_t at = 0; at + kAbortedEntryBytes <= bytes.size(); at += kAbortedEntryBytes) {
    const uint8_t* entry = bytes.data() + at;
    say(fmt::format(
        "version: {} producerId: {} firstOffset: {} lastOffset: {} lastStableOffset: {}\n",
        load_be<int16_t>(entry), load_be<int64_t>(entry + 2), load_be<int64_t>(entry + 10),
        load_be<int64_t>(entry + 18), load_be<int64_t>(entry + 26)));
  }
  co_return Result<>();
}

Task<Result<>> Dump::dump_snapshot(FileName file) {
  CO_TRY(const Bytes bytes, co_await read_file(shard_.executor(), shard_.disk(), file.path,
                                               storage::kProducerSnapshotBytesMax));
  CO_TRY(const auto entries, storage::decode_producer_snapshot(bytes.view()));
  for (const storage::ProducerSnapshotEntry& each : entries) {
    const bool open = each.current_txn_first_offset != kNoOffset;
    std::string line = fmt::format(
        "producerId: {} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {} "
        "lastTimestamp: {} ",
        each.producer_id.value(), each.producer_epoch.value(), each.coordinator_epoch,
        open ? fmt::format("OptionalLong[{}]", each.current_txn_first_offset.value())
             : "OptionalLong.empty",
        each.timestamp.ms());
    if (each.last_offset != kNoOffset) {
      const auto first = static_cast<int32_t>(
          (static_cast<uint32_t>(each.last_sequence) - static_cast<uint32_t>(each.offset_delta)) &
          0x7fffffffu);
      line += fmt::format(
          "firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} "
          "timestamp: {}",
          first, each.last_sequence, each.last_offset.value(), each.offset_delta,
          each.timestamp.ms());
    }
    say(line + "\n");
  }
  co_return Result<>();
}

}  // namespace

Task<Result<>> dump_files(Shard& shard, std::vector<std::string> files, DumpOptions options,
                          const DumpOutput& output) {
  Dump dump(shard, options, output);
  co_return co_await dump.run(std::move(files));
}

}  // namespace partita::cli
