#pragma once
// CrashEnumerator: every disk that a power cut could leave behind, of a scenario that was run and
// recorded once.
//
//     node.disk().start_recording();
//     world.run(node.shard(), scenario());    // notes disk().log_position() at each
//     acknowledgement CrashEnumerator(node.disk().recording()).for_each([&](const CrashPoint&
//     point, const DiskImage& image) {
//       SimWorld after(1);
//       SimNode& node = after.add_node({.image = image});
//       ... recover; what was acknowledged with position <= point.log_position must be there ...
//     });
//
// For every prefix of the operation log (the empty one too), with `pending` what no sync has
// covered yet:
//  1. all pending lost; all kept; each single pending operation lost while the rest is kept;
//  2. the last operation, where it is a write, torn at every sector boundary: the front kept, with
//     the size that it reaches or the full one; the back kept; the bytes kept without the size.
//     Each with the rest kept and with it lost.
// Images that are equal within one prefix are shown once. without() leaves an operation out, as if
// the code under test had forgotten that sync or rename: what a test uses to show that the
// enumeration would notice.

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "runtime/sim/disk_image.h"
#include "runtime/sim/sim_disk.h"

namespace partita::runtime::sim {

/// "write inode 3 at 512, 100 bytes", for messages.
std::string describe(const DiskOp& op);

struct CrashPoint {
  size_t operations = 0;      ///< how many of the log had happened
  uint64_t log_position = 0;  ///< SimDisk::log_position() at that instant
  std::string last = {};      ///< the last of them
  std::string variant = {};   ///< what the power cut did to the pending ones

  /// "after 17 operations (... last one ...): all lost".
  std::string to_string() const;
};

class CrashEnumerator {
 public:
  explicit CrashEnumerator(DiskRecording recording) : recording_(std::move(recording)) {}

  /// Leaves out the operation with that sequence.
  void without(uint64_t sequence) { left_out_.insert(sequence); }
  void with_all() { left_out_.clear(); }
  const std::vector<DiskOp>& ops() const { return recording_.ops; }

  using Visit = std::function<void(const CrashPoint&, const DiskImage&)>;
  /// Answers how many images it showed.
  size_t for_each(const Visit& visit) const;
  /// The same until `visit` answers false; answers whether it went through all.
  bool for_each_while(const std::function<bool(const CrashPoint&, const DiskImage&)>& visit) const;

 private:
  DiskRecording recording_;
  std::set<uint64_t> left_out_;
};

}  // namespace partita::runtime::sim
