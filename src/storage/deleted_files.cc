#include "storage/deleted_files.h"

namespace partita::storage {
namespace {

Result<> ignore_missing(Result<> result) {
  if (!result && result.error().code == Errc::not_found) return {};
  return result;
}

}  // namespace

Result<> DeletedFiles::rename_away(const std::string& path, Instant when) {
  std::string away = path + std::string(kDeletedSuffix);
  CHECKED(disk_.rename(path, away));
  entries_.push_back({.path = std::move(away), .is_directory = false, .when = when});
  return {};
}

void DeletedFiles::add_directory(std::string path, Instant when) {
  entries_.push_back({.path = std::move(path), .is_directory = true, .when = when});
}

Result<> DeletedFiles::remove_due(Instant now) {
  Result<> first_error;
  std::deque<Entry> left;
  for (Entry& entry : entries_) {
    if (entry.when > now) {
      left.push_back(std::move(entry));
      continue;
    }
    Result<> removed = entry.is_directory ? remove_tree(disk_, entry.path)
                                          : ignore_missing(disk_.unlink(entry.path));
    if (!removed && first_error) first_error = std::move(removed);
  }
  entries_ = std::move(left);
  return first_error;
}

Result<> remove_tree(Disk& disk, const std::string& path) {
  const auto entries = disk.list(path);
  if (!entries) return ignore_missing(std::unexpected(entries.error()));
  for (const DirectoryEntry& entry : *entries) {
    const std::string inside = join_path(path, entry.name);
    CHECKED(entry.is_directory ? remove_tree(disk, inside) : ignore_missing(disk.unlink(inside)));
  }
  return ignore_missing(disk.remove_directory(path));
}

}  // namespace partita::storage
