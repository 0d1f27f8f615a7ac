#pragma once
// SimDisk: the disk of one simulated node: an image, faults, delays, and the log of operations that
// crash enumeration replays. SimShardDisk is the Disk seam that one shard of one process sees of
// it.
//
// What can go wrong, all drawn from the seed: reads that are not resident; EIO on reads, writes,
// syncs and name changes, at a rate or planned for the nth call; a failed sync that marks the pages
// clean without having written them; a full disk; delays, long tails and stalls; power cuts; rot
// (flipped bits, zeroed sectors, unreadable sectors), writes that land in the wrong place, and
// calls that answer well and do nothing (what a test uses to remove one sync or rename).
//
// Invariants:
//  1. A dead process changes nothing: its calls answer stopped.
//  2. Every change of the image is one DiskOp with a sequence of its own; log_position() is the
//     last one's.
//  3. At most kPendingOpsMax operations are pending: beyond it the older half is written back, as a
//     kernel does.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/disk.h"
#include "runtime/sim/disk_image.h"
#include "runtime/sim/sim_random.h"

namespace partita::runtime::sim {

class SimNode;
class SimProcess;
class SimShard;
class SimDisk;

inline constexpr size_t kPendingOpsMax = 16384;
inline constexpr uint64_t kRemovalsPerCollection =
    256;  // how often memory of removed files is freed

/// Rates are "once in about so many calls"; 0 is never.
struct DiskFaults {
  uint32_t not_resident_one_in = 4;
  uint32_t read_error_one_in = 0;
  uint32_t write_error_one_in = 0;
  uint32_t sync_error_one_in = 0;  ///< of files, directories and the whole disk
  uint32_t name_error_one_in = 0;  ///< open, rename, unlink, make_directory
  Latency read = {.least = 40us, .most = 200us, .tail_one_in = 500, .tail = 30ms};
  Latency sync = {.least = 80us, .most = 400us, .tail_one_in = 200, .tail = 50ms};
  uint64_t capacity_bytes = uint64_t{1} << 40;
  uint64_t files_open_max = 1 << 20;
};

enum class DiskCall : uint8_t {
  open,
  read,
  write,
  truncate,
  sync,
  sync_directory,
  sync_all,
  rename,
  unlink,
  make_directory
};

enum class DiskFault : uint8_t {
  io_error,     ///< of a write: a part may be written; of a sync: pages marked clean
  no_space,     ///< the same for a full disk
  skipped,      ///< answers well and does nothing
  misdirected,  ///< of a write: lands some sectors away in the same file
  flipped,      ///< of a read: one bit of what is read is wrong, this once
};

/// Strikes the nth call, counted from now, whose path contains `path`, and the following ones up to
/// `times`.
struct PlannedFault {
  DiskCall call = DiskCall::write;
  DiskFault fault = DiskFault::io_error;
  uint64_t nth = 1;
  uint64_t times = 1;
  std::string path = {};
};

/// What happened on a disk since start_recording().
struct DiskRecording {
  DiskImage start;
  std::vector<DiskOp> ops;
};

class SimDisk {
 public:
  SimDisk(SimNode& node, DiskImage image, SimRandom random);
  SimDisk(const SimDisk&) = delete;

  const DiskImage& image() const { return image_; }
  DiskFaults& faults() { return faults_; }
  void plan(PlannedFault fault) { planned_.push_back(std::move(fault)); }
  void clear_planned() { planned_.clear(); }
  /// Reads and syncs that start before then complete after it.
  void stall(Duration duration);

  // Rot: changes the disk under a closed or open file. not_found where there is no such file.
  Result<> flip_bits(std::string_view path, uint64_t position, uint8_t mask);
  Result<> zero_sector(std::string_view path, uint64_t position);
  /// Reads that touch the range fail with io_error until it is written again.
  Result<> make_unreadable(std::string_view path, uint64_t position, uint64_t count);
  /// Drops the cached pages: what a failed sync lost becomes visible.
  Result<> evict(std::string_view path);

  /// Lays down a durable file, and the directories above it, before a program starts or between
  /// two.
  void put(std::string_view path, ByteView contents);
  /// The whole of a file as processes see it, without faults or delays.
  Result<Bytes> contents(std::string_view path) const;

  uint64_t log_position() const { return sequence_; }
  void start_recording();
  const DiskRecording& recording() const;
  /// The same, and ends it: a disk that records takes no power cut.
  DiskRecording take_recording();
  /// Calls of a kind that were made, faulty ones too.
  uint64_t calls(DiskCall call) const;

 private:
  friend class SimNode;
  friend class SimShardDisk;
  friend class SimFile;
  friend class SimDirectoryLock;
  struct Unreadable {
    InodeId file;
    uint64_t from = 0;
    uint64_t to = 0;
  };

  std::optional<DiskFault> strike(DiskCall call, std::string_view path, uint32_t one_in);
  void apply(DiskOp op);
  uint64_t free_bytes() const;
  Duration delay(const Latency& latency);
  Result<InodeId> file_at(std::string_view path) const;
  Result<InodeId> create(DirectoryName name, bool is_directory);
  Result<> write(InodeId file, std::string_view path, uint64_t position, Bytes data);
  Result<> write_part(InodeId file, uint64_t position, const Bytes& data, Errc error);
  Result<size_t> copy_out(InodeId file, uint64_t position, ByteSpan into) const;
  Result<size_t> copy_out(InodeId file, uint64_t position, ByteSpan into,
                          std::optional<DiskFault> fault);
  struct SyncCall {
    DiskCall call;
    DiskOp op;
    std::string_view path;
    uint32_t* under_way = nullptr;  ///< the file's count of operations
  };
  void start_sync(SimShard& shard, SyncCall call, Completion<Result<>>& done);
  Result<> finish_sync(DiskOp sync, std::optional<DiskFault> fault);
  void power_cut();
  void release_all(SimProcess& process);

  SimNode& node_;
  DiskImage image_;
  SimRandom random_;
  DiskFaults faults_;
  std::vector<PlannedFault> planned_;
  std::map<DiskCall, uint64_t> calls_;
  std::vector<Unreadable> unreadable_;
  std::multiset<InodeId> open_;
  std::map<InodeId, SimProcess*> locks_;  // by the .lock file
  Instant stalled_until_;
  uint64_t sequence_ = 0;
  uint64_t removals_ = 0;
  std::optional<DiskRecording> recording_;
};

}  // namespace partita::runtime::sim
