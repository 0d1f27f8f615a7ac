#pragma once
// DiskImage: what a simulated disk and the page cache over it hold, as a plain value: copying it
// forks the machine. It keeps two trees, the cached one that a running process sees and the durable
// one that is certain to survive, and the list of operations that lie between them. No time, no
// faults, no randomness: SimDisk adds those.
//
// Invariants:
//  1. durable + all pending operations in their order = cached, but for pages that a failed sync
//     gave up (drop_unsynced).
//  2. A power cut keeps any subset of the pending operations: a write whole, by 512-byte sectors of
//     the file, with or without the size it gave the file (kept sizes over lost sectors read as
//     zeros). A name (create, rename, unlink, mkdir, rmdir) is kept or lost whole, and lost if an
//     earlier change of the same name is.
//  3. A rename is pending in the directory it leads to. Syncing a file does not make its name
//     durable.
//  4. Inode ids are never reused, so that a log of operations can be replayed over a copy of the
//     image it began with.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "runtime/disk.h"

namespace partita::runtime::sim {

using InodeId = Id<struct InodeIdTag, uint64_t>;

inline constexpr uint64_t kSectorBytes = 512;
inline constexpr InodeId kRootInode{1};
inline constexpr InodeId kNoInode{0};

enum class DiskOpKind : uint8_t {
  write,           ///< inode, position, data
  grow,            ///< inode, position = least size: what a failed sync leaves of a write
  truncate,        ///< inode, position = size
  create,          ///< name, inode, of a file or an empty directory
  rename,          ///< from, name, inode; `name` may exist
  unlink,          ///< name, inode; of a file or an empty directory
  sync,            ///< inode, covers
  sync_directory,  ///< inode, covers
  sync_all,        ///< covers
  drop_unsynced,   ///< inode, or kNoInode for every file: a sync failed, the pages are marked clean
};

/// "write", "sync_directory", ...
std::string_view disk_op_name(DiskOpKind kind);

struct DirectoryName {
  InodeId directory = kNoInode;
  std::string name;
  auto operator<=>(const DirectoryName&) const = default;
};

/// One entry of the operation log.
struct DiskOp {
  DiskOpKind kind = DiskOpKind::write;
  uint64_t sequence = 0;  ///< its place in the log, from 1
  InodeId inode = kNoInode;
  bool is_directory = false;
  uint64_t position = 0;
  Bytes data = {};
  DirectoryName name = {};
  DirectoryName from = {};
  uint64_t covers = 0;  ///< of syncs: operations up to this sequence become durable

  bool changes_data() const { return kind <= DiskOpKind::truncate; }
  bool changes_names() const { return kind >= DiskOpKind::create && kind <= DiskOpKind::unlink; }
};

/// How much of a write's growth of its file a power cut keeps.
enum class SizeKept : uint8_t { whole, of_kept_sectors, no };

/// What a power cut does to one pending operation.
struct Fate {
  bool kept = true;                 ///< names and truncates have only this
  SizeKept size = SizeKept::whole;  ///< of writes
  /// Of writes, counted from the sector of the first byte; shorter means that the rest is kept.
  std::vector<bool> sectors_lost = {};

  bool lost(uint64_t sector) const { return sector < sectors_lost.size() && sectors_lost[sector]; }
};

class DiskImage {
 public:
  DiskImage();

  /// Enters one operation of the log. REQUIRED: sequences ascend; names and inodes make sense.
  void apply(const DiskOp& op);

  // The cached tree. Paths are split at '/'; relative ones start at the root.
  Result<InodeId> find(std::string_view path) const;
  /// The directory that holds `path` and its last part; not_found where there is no such directory.
  Result<DirectoryName> locate(std::string_view path) const;
  bool exists(InodeId inode) const { return cached_.contains(inode); }
  bool is_directory(InodeId inode) const { return node(inode).directory; }
  const std::map<std::string, InodeId>& entries(InodeId directory) const {
    return node(directory).entries;
  }
  ByteView contents(InodeId file) const { return *node(file).data; }
  InodeId next_inode() const { return InodeId(next_inode_); }
  /// The sizes of all named files together.
  uint64_t used_bytes() const;

  /// What is not durable yet, oldest first.
  const std::vector<DiskOp>& pending() const { return pending_; }
  /// The image after a power cut; fates[i] belongs to pending()[i], missing ones are kept.
  DiskImage after_power_cut(std::span<const Fate> fates) const;
  /// Forgets the cached pages of a file, as memory pressure does: reads then show what the disk
  /// holds.
  void evict(InodeId file);
  /// Changes bytes behind everybody's back, on the disk and in the cache. Bytes beyond the end are
  /// ignored.
  void damage(InodeId file, uint64_t position, uint64_t count, uint8_t flip_mask, bool zero);
  /// Frees files without a name that no one in `open` holds.
  void collect(const std::set<InodeId>& open);
  /// Of all that a process can see: names, sizes, bytes.
  uint64_t hash() const;

 private:
  using Data = std::shared_ptr<std::vector<uint8_t>>;  // shared until written: forks are cheap
  struct Inode {
    bool directory = false;
    Data data;
    std::map<std::string, InodeId> entries;
  };
  using Tree = std::map<InodeId, Inode>;

  const Inode& node(InodeId inode) const;
  static std::vector<uint8_t>& edit(Data& data);
  static void apply_to(Tree& tree, const DiskOp& op);
  static void apply_torn(Tree& tree, const DiskOp& op, const Fate& fate);
  void make_durable(const DiskOp& sync);
  std::vector<bool> names_with_causes(const DiskOp& sync) const;
  void drop_unsynced(const DiskOp& op);
  void hash_directory(InodeId directory, uint64_t& hash) const;

  Tree cached_;
  Tree durable_;
  std::vector<DiskOp> pending_;
  uint64_t next_inode_ = 2;
};

/// The parts of a path, "." and empty ones left out and ".." followed.
std::vector<std::string_view> path_parts(std::string_view path);

}  // namespace partita::runtime::sim
