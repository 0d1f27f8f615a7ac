// Recovery over mutated directories: whatever the files hold, opening the log neither crashes nor
// hangs, serves only batches that pass their CRC, loses no record below the recovery point that the
// mutation did not touch, and doing it again changes nothing. The input is a list of mutations of a
// valid directory.

#include <cstdlib>

#include "storage/log_fixture_test.h"

namespace partita::storage {
namespace {

constexpr int64_t kRecords = 40;
constexpr size_t kValueBytes = 40;

/// Reads numbers from the input; zeros when it ends.
class Choices {
 public:
  explicit Choices(ByteView bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  uint64_t below(uint64_t bound) {
    uint64_t value = 0;
    for (int i = 0; i < 3 && !bytes_.empty(); ++i) {
      value = value << 8 | bytes_.front();
      bytes_ = bytes_.subspan(1);
    }
    return value % bound;
  }
  ByteView take(size_t count) {
    const ByteView taken = bytes_.first(std::min(count, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }

 private:
  ByteView bytes_;
};

/// A directory of several segments, synced and checkpointed.
const runtime::sim::DiskImage& valid_directory() {
  static const runtime::sim::DiskImage image = [] {
    LogWorld w;
    w.config.segment_bytes = 1000;
    w.config.index_interval_bytes = 200;
    CHECK(w.start());
    w.fill(kRecords, kValueBytes);
    CHECK(w.append({.values = {"numbered"},
                    .producer_id = ProducerId(4),
                    .producer_epoch = ProducerEpoch(0),
                    .base_sequence = 0},
                   LeaderEpoch(2)));
    CHECK(w.flush());
    CHECK(w.run(w.logs().write_checkpoints()));
    return w.node().disk().image();
  }();
  return image;
}

struct Mutations {
  /// Answers whether any `.log` or checkpoint was touched.
  bool apply(LogWorld& w, Choices& choices) {
    bool touched = false;
    Disk& disk = w.shard().disk();
    for (int round = 0; round < 8 && !choices.empty(); ++round) {
      const bool top = choices.below(8) == 0;
      const std::string directory = top ? "/data" : "/data/orders-0";
      const auto entries = disk.list(directory);
      if (!entries || entries->empty()) return true;
      const DirectoryEntry entry = entries->at(choices.below(entries->size()));
      if (entry.is_directory || entry.name == ".lock") continue;
      const std::string path = join_path(directory, entry.name);
      touched |= top || entry.name.ends_with(".log");
      mutate(disk, path, entry.size, choices);
    }
    return touched;
  }

 private:
  static void mutate(Disk& disk, const std::string& path, uint64_t size, Choices& choices) {
    const uint64_t what = choices.below(5);
    if (what == 0) {
      std::ignore = disk.unlink(path);
      return;
    }
    if (what == 1) {
      static constexpr const char* kSuffixes[] = {".swap", ".cleaned", ".deleted", ".tmp", ".cut"};
      std::ignore = disk.rename(path, path + kSuffixes[choices.below(5)]);
      return;
    }
    auto file = disk.open(path, OpenMode::write);
    if (!file) return;
    const uint64_t at = choices.below(size + 1);
    if (what == 2) {
      std::ignore = (*file)->truncate(at);
    } else if (what == 3) {
      std::ignore = (*file)->write(at, choices.take(choices.below(64)));
    } else {
      const std::vector<uint8_t> zeros(choices.below(600));
      std::ignore = (*file)->write(at, zeros);
    }
  }
};

/// What can be read, offset by offset; an error of one offset is not the end.
std::map<Offset, std::string> readable(LogWorld& w) {
  std::map<Offset, std::string> found;
  PartitionLog& log = w.log();
  for (Offset at = log.log_start_offset(); at < log.log_end_offset();) {
    const auto read = w.run(log.read(at, 4096, log.log_end_offset(), true));
    if (!read || read->size == 0) {
      if (!read) CHECK(read.error().code == Errc::kafka_storage_error);
      at = at.next();
      if (at.value() > kRecords + 1000) break;
      continue;
    }
    for (const LogRecord& record : parse_records(read->bytes)) found[record.offset] = record.value;
    CHECK(read->next_offset > at);
    at = read->next_offset;
  }
  return found;
}

void fuzz(ByteView input) {
  LogWorld w(valid_directory());
  w.config.segment_bytes = 1000;
  w.config.index_interval_bytes = 200;
  Choices choices(input);
  const bool touched = Mutations().apply(w, choices);
  if (!w.start() || w.logs().find(kTestPartition) == nullptr) return;
  if (!w.run(w.log().load())) return;
  w.log().check_invariants();
  CHECK(w.log().durable_end() == w.log().log_end_offset());
  const auto first = readable(w);
  if (!touched) CHECK(first.size() == static_cast<size_t>(kRecords) + 1);
  const Offset end = w.log().log_end_offset();
  w.kill();
  CHECK(w.start());
  CHECK(w.run(w.log().load()));
  CHECK(w.log().log_end_offset() == end);
  CHECK(readable(w) == first);
  const auto appended = w.append("after");
  CHECK(!appended || appended->first_offset == end);
}

}  // namespace
}  // namespace partita::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  partita::storage::fuzz({data, size});
  return 0;
}
