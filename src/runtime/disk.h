#pragma once
// The disk seam. Paths are absolute or relative to the process; a simulated disk has a tree of its
// own.
//
// The model (both worlds, and the one that crash tests enumerate): write() and truncate() change
// the page cache and are lost by a power cut in any order and in part (by 512-byte sector) until a
// sync of that file has answered; names (create, rename, unlink, make_directory) are lost by a
// power cut until a sync of their directory has answered. A sync that failed leaves what was
// written since the last good one in an unknown state: the file is not to be trusted again in this
// process (semantics R3). A killed process loses nothing.
//
// Belongs to one shard; Files may not cross shards.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "runtime/completion.h"
#include "runtime/task.h"

namespace partita {

/// An open file; closed by destruction. At most one operation of a kind (read, sync) may be under
/// way when it is destroyed: none.
class File {
 public:
  virtual ~File() = default;

  virtual Result<uint64_t> size() = 0;
  /// Writes the parts one after the other at `position`. In the page cache on return; all or an
  /// error (which may have written a part: no_space, io_error).
  virtual Result<> write(uint64_t position, std::span<const ByteView> parts) = 0;
  /// Reads up to into.size() bytes; fewer only at the end of the file. would_block where the pages
  /// are not resident.
  virtual Result<size_t> read_resident(uint64_t position, ByteSpan into) = 0;
  /// The same from the disk; `into` must live until the completion.
  virtual void start_read(uint64_t position, ByteSpan into, Completion<Result<size_t>>& done) = 0;
  /// Makes all that was written before the call durable (data and size).
  virtual void start_sync(Completion<Result<>>& done) = 0;
  virtual Result<> truncate(uint64_t size) = 0;
  /// Asks for write-back of the range to begin, without waiting; a hint.
  virtual void start_writeback(uint64_t position, uint64_t count) = 0;

  Result<> write(uint64_t position, ByteView bytes) {
    return write(position, std::span(&bytes, 1));
  }
};

enum class OpenMode {
  read,            ///< not_found where there is none
  write,           ///< read and write; not_found where there is none
  create,          ///< read and write; already_exists where there is one
  create_or_open,  ///< read and write
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  uint64_t size = 0;
};

/// Held by one process at a time; freed by destruction and by the process's end.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

struct DiskSpace {
  uint64_t total_bytes = 0;
  uint64_t free_bytes = 0;
};

class Disk {
 public:
  virtual ~Disk() = default;

  virtual Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) = 0;
  /// Replaces `to` where it exists. Works for directories too.
  virtual Result<> rename(std::string_view from, std::string_view to) = 0;
  virtual Result<> unlink(std::string_view path) = 0;
  /// already_exists where there is one; parents must exist.
  virtual Result<> make_directory(std::string_view path) = 0;
  /// REQUIRED: empty.
  virtual Result<> remove_directory(std::string_view path) = 0;
  /// Sorted by name. not_found where there is no such directory.
  virtual Result<std::vector<DirectoryEntry>> list(std::string_view path) = 0;
  /// not_found where there is neither file nor directory.
  virtual Result<DirectoryEntry> stat(std::string_view path) = 0;
  /// Makes the directory's names durable.
  virtual void start_sync_directory(std::string_view path, Completion<Result<>>& done) = 0;
  /// Makes all files and names of the filesystem that holds `path` durable. An error speaks of the
  /// whole filesystem.
  virtual void start_sync_all(std::string_view path, Completion<Result<>>& done) = 0;
  /// locked where another holds it. Makes `path`/.lock.
  virtual Result<std::unique_ptr<DirectoryLock>> lock(std::string_view path) = 0;
  virtual Result<DiskSpace> space(std::string_view path) = 0;
};

/// Reads from the page cache where possible, else from the disk. Fewer bytes than asked only at the
/// end of the file.
Task<Result<size_t>> read(Executor& executor, File& file, uint64_t position, ByteSpan into);
/// As read(), but truncated_data where the file ends before.
Task<Result<>> read_exactly(Executor& executor, File& file, uint64_t position, ByteSpan into);
Task<Result<>> sync(Executor& executor, File& file);
Task<Result<>> sync_directory(Executor& executor, Disk& disk, std::string path);
Task<Result<>> sync_all(Executor& executor, Disk& disk, std::string path);
/// The whole of a small file; limit_exceeded above bytes_max.
Task<Result<Bytes>> read_file(Executor& executor, Disk& disk, std::string path, uint64_t bytes_max);
/// Replaces a small file so that a crash leaves the old or the new: writes `path`.tmp, syncs it,
/// renames, syncs the directory.
Task<Result<>> replace_file(Executor& executor, Disk& disk, std::string path, Bytes contents);

/// "a/b" of "a" and "b".
std::string join_path(std::string_view directory, std::string_view name);
/// "a" of "a/b"; "." where there is no slash.
std::string parent_path(std::string_view path);

}  // namespace partita
