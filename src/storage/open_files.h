#pragma once
// OpenFiles: the files of logs that are open on one shard, at most files_max of them: the least
// recently used one that nobody pins is closed for the next. LogFile is one such file: a path,
// opened when it is pinned.
//
// Invariants:
//  1. A file with an operation under way is pinned, and a pinned file is not closed. When all are
//     pinned, more than files_max are open for as long as that lasts.
//  2. Closing loses nothing: bytes written are in the page cache, and a failed write-back is
//     reported to whoever syncs the file next through a new descriptor.
// One per shard, owned by ShardLogs; a LogFile may not outlive it.

#include <boost/intrusive/list.hpp>  // links inside LogFile: the order of use allocates nothing
#include <memory>
#include <string>

#include "base/error.h"
#include "runtime/disk.h"

namespace partita::storage {

class LogFile;
class OpenFiles;

/// Keeps a LogFile open, also one that was removed from its log meanwhile. Movable; empty when
/// moved from.
class FilePin {
 public:
  FilePin() = default;
  ~FilePin() { release(); }
  FilePin(FilePin&& other) noexcept : open_(std::exchange(other.open_, nullptr)) {}
  FilePin& operator=(FilePin&& other) noexcept {
    std::swap(open_, other.open_);
    return *this;
  }

  File& operator*() const;
  File* operator->() const { return &**this; }
  explicit operator bool() const { return open_ != nullptr; }
  void release();

 private:
  friend class LogFile;
  friend class OpenFiles;
  struct Open;
  explicit FilePin(Open* open) : open_(open) {}

  Open* open_ = nullptr;
};

/// One file of a log by its path. Not movable: what is open points back.
class LogFile {
 public:
  LogFile(OpenFiles& files, std::string path) : files_(files), path_(std::move(path)) {}
  ~LogFile() { forget(); }
  LogFile(const LogFile&) = delete;

  const std::string& path() const { return path_; }
  /// The file, opened where it is not; not_found where it does not exist.
  Result<FilePin> pin() { return pin(OpenMode::write); }
  /// The same for one that must not exist yet (create) or may (create_or_open).
  Result<FilePin> pin(OpenMode mode);
  /// For a file whose name changed: what is open stays open.
  void renamed(std::string path) { path_ = std::move(path); }
  /// Lets go of the descriptor as soon as no pin holds it.
  void forget();

 private:
  friend class OpenFiles;

  OpenFiles& files_;
  std::string path_;
  FilePin::Open* open_ = nullptr;
};

class OpenFiles {
 public:
  OpenFiles(Disk& disk, size_t files_max);
  ~OpenFiles();
  OpenFiles(const OpenFiles&) = delete;

  Disk& disk() { return disk_; }
  size_t open_count() const { return open_count_; }
  /// How often a file had to be opened.
  uint64_t opens() const { return opens_; }

 private:
  friend class FilePin;
  friend class LogFile;

  Result<FilePin> open(LogFile& file, OpenMode mode);
  void unpin(FilePin::Open& open);
  void close(FilePin::Open& open);
  void make_room();

  struct Idle;  // the unpinned ones, least recently used first
  Disk& disk_;
  const size_t files_max_;
  size_t open_count_ = 0;
  uint64_t opens_ = 0;
  std::unique_ptr<Idle> idle_;
};

}  // namespace partita::storage
