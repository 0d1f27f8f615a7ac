#pragma once
// DeletedFiles: files and directories that were renamed out of use and are removed when
// file.delete.delay.ms has passed, so that readers which hold them finish first. What is still
// waiting at a stop is found by its name at the next start: `*.deleted` in a partition's directory,
// `*-delete` beside it. One per shard, owned by ShardLogs. Nothing here needs to be durable: a
// removal that is lost is done again.

#include <deque>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "runtime/disk.h"

namespace partita::storage {

inline constexpr std::string_view kDeletedSuffix = ".deleted";

class DeletedFiles {
 public:
  explicit DeletedFiles(Disk& disk) : disk_(disk) {}

  /// Renames `path` to `path`.deleted and notes it for `when`.
  Result<> rename_away(const std::string& path, Instant when);
  /// A directory with its files; already renamed.
  void add_directory(std::string path, Instant when);
  /// Removes what is due. An entry that is gone already is no error.
  Result<> remove_due(Instant now);
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string path;
    bool is_directory = false;
    Instant when;
  };

  Disk& disk_;
  std::deque<Entry> entries_;
};

/// Removes a directory and all in it; no error where it does not exist.
Result<> remove_tree(Disk& disk, const std::string& path);

}  // namespace partita::storage
