#include "runtime/sim/sim_shard_disk.h"

#include "base/check.h"
#include "runtime/sim/world.h"

namespace partita::runtime::sim {

/// One open file of one process.
class SimFile final : public File {
 public:
  SimFile(SimDisk& disk, SimShard& shard, InodeId inode, std::string path, bool writable)
      : disk_(disk), shard_(shard), inode_(inode), path_(std::move(path)), writable_(writable) {
    disk_.open_.insert(inode_);
  }
  ~SimFile() override {
    CHECK(under_way_ == 0);
    if (!alive()) return;
    disk_.open_.erase(disk_.open_.find(inode_));
  }

  Result<uint64_t> size() override {
    if (!alive()) return fail(Errc::stopped);
    return disk_.image_.contents(inode_).size();
  }
  Result<> write(uint64_t position, std::span<const ByteView> parts) override;
  Result<size_t> read_resident(uint64_t position, ByteSpan into) override;
  void start_read(uint64_t position, ByteSpan into, Completion<Result<size_t>>& done) override;
  void start_sync(Completion<Result<>>& done) override {
    disk_.start_sync(
        shard_, {DiskCall::sync, {.kind = DiskOpKind::sync, .inode = inode_}, path_, &under_way_},
        done);
  }
  Result<> truncate(uint64_t size) override;
  void start_writeback(uint64_t, uint64_t) override {
  }  // a power cut may keep unsynced writes anyway

 private:
  bool alive() const { return shard_.process().alive(); }

  SimDisk& disk_;
  SimShard& shard_;
  const InodeId inode_;
  const std::string path_;
  const bool writable_;
  uint32_t under_way_ = 0;  // reads and syncs
};

Result<> SimFile::write(uint64_t position, std::span<const ByteView> parts) {
  if (!alive()) return fail(Errc::stopped);
  if (!writable_) return fail(Errc::io_error, path_ + " is open for reading only");
  Buffer all;
  for (const ByteView part : parts) all.append(part);
  return disk_.write(inode_, path_, position, std::move(all).freeze());
}

Result<size_t> SimFile::read_resident(uint64_t position, ByteSpan into) {
  if (!alive()) return fail(Errc::stopped);
  if (chance(disk_.random_, disk_.faults_.not_resident_one_in)) return fail(Errc::would_block);
  const auto fault = disk_.strike(DiskCall::read, path_, disk_.faults_.read_error_one_in);
  return disk_.copy_out(inode_, position, into, fault);
}

void SimFile::start_read(uint64_t position, ByteSpan into, Completion<Result<size_t>>& done) {
  SimProcess& process = shard_.process();
  if (!alive()) return done.complete(fail(Errc::stopped));
  const auto fault = disk_.strike(DiskCall::read, path_, disk_.faults_.read_error_one_in);
  under_way_++;
  const uint64_t id = process.begin([this, position, into, fault, &done](bool stopped) {
    under_way_--;
    if (stopped) return done.complete(fail(Errc::stopped));
    done.complete(disk_.copy_out(inode_, position, into, fault));
  });
  SimWorld& world = shard_.world();
  world.schedule(world.now() + disk_.delay(disk_.faults_.read), &shard_, EventKind::disk, id,
                 [&process, id] { process.finish(id); });
}

Result<> SimFile::truncate(uint64_t size) {
  if (!alive()) return fail(Errc::stopped);
  if (!writable_) return fail(Errc::io_error, path_ + " is open for reading only");
  const auto fault = disk_.strike(DiskCall::truncate, path_, disk_.faults_.write_error_one_in);
  if (fault == DiskFault::skipped) return {};
  if (fault) return fail(Errc::io_error, "a truncate of the simulated disk");
  const uint64_t now = disk_.image_.contents(inode_).size();
  if (size > now && size - now > disk_.free_bytes()) return fail(Errc::no_space, path_);
  disk_.apply({.kind = DiskOpKind::truncate, .inode = inode_, .position = size});
  return {};
}

class SimDirectoryLock final : public DirectoryLock {
 public:
  SimDirectoryLock(SimDisk& disk, SimProcess& process, InodeId file)
      : disk_(disk), process_(process), file_(file) {
    disk_.locks_[file_] = &process_;
  }
  ~SimDirectoryLock() override {
    if (process_.alive()) disk_.locks_.erase(file_);
  }

 private:
  SimDisk& disk_;
  SimProcess& process_;
  const InodeId file_;
};

/// Whether a call that changes names may go on: the process lives and no fault strikes.
Result<> SimShardDisk::ready(DiskCall call, std::string_view path, bool& skipped) {
  if (!shard_.process().alive()) return fail(Errc::stopped);
  const auto fault = disk_.strike(call, path, disk_.faults_.name_error_one_in);
  skipped = fault == DiskFault::skipped;
  if (fault == DiskFault::no_space) return fail(Errc::no_space, std::string(path));
  if (fault && !skipped) return fail(Errc::io_error, std::string(path));
  return {};
}

Result<std::unique_ptr<File>> SimShardDisk::open(std::string_view path, OpenMode mode) {
  bool skipped = false;
  CHECKED(ready(DiskCall::open, path, skipped));
  if (disk_.open_.size() >= disk_.faults_.files_open_max)
    return fail(Errc::limit_exceeded, "open files");
  const Result<InodeId> found = disk_.image_.find(path);
  const bool may_create = mode == OpenMode::create || mode == OpenMode::create_or_open;
  if (found && mode == OpenMode::create) return fail(Errc::already_exists, std::string(path));
  if (found && disk_.image_.is_directory(*found)) {
    return fail(Errc::io_error, std::string(path) + " is a directory");
  }
  if (!found && !may_create) return fail(Errc::not_found, std::string(path));
  InodeId inode = kNoInode;
  if (found) {
    inode = *found;
  } else {
    TRY(DirectoryName name, disk_.image_.locate(path));
    TRY(inode, disk_.create(std::move(name), false));
  }
  return std::make_unique<SimFile>(disk_, shard_, inode, std::string(path), mode != OpenMode::read);
}

Result<> SimShardDisk::rename(std::string_view from, std::string_view to) {
  bool skipped = false;
  CHECKED(ready(DiskCall::rename, to, skipped));
  TRY(const InodeId moved, disk_.image_.find(from));
  TRY(DirectoryName old_name, disk_.image_.locate(from));
  TRY(DirectoryName new_name, disk_.image_.locate(to));
  if (skipped || old_name == new_name) return {};
  if (const Result<InodeId> replaced = disk_.image_.find(to)) {
    const bool directory = disk_.image_.is_directory(moved);
    if (directory != disk_.image_.is_directory(*replaced))
      return fail(Errc::io_error, std::string(to));
    if (directory && !disk_.image_.entries(*replaced).empty()) {
      return fail(Errc::already_exists, std::string(to) + " is not empty");
    }
  }
  disk_.apply({.kind = DiskOpKind::rename, .inode = moved, .name = new_name, .from = old_name});
  return {};
}

Result<> SimShardDisk::remove(std::string_view path, bool directory) {
  bool skipped = false;
  CHECKED(ready(DiskCall::unlink, path, skipped));
  TRY(const InodeId inode, disk_.image_.find(path));
  TRY(DirectoryName name, disk_.image_.locate(path));
  if (disk_.image_.is_directory(inode) != directory) return fail(Errc::io_error, std::string(path));
  if (directory && !disk_.image_.entries(inode).empty()) {
    return fail(Errc::already_exists, std::string(path) + " is not empty");
  }
  if (skipped) return {};
  disk_.apply({.kind = DiskOpKind::unlink, .inode = inode, .name = std::move(name)});
  return {};
}

Result<> SimShardDisk::unlink(std::string_view path) {
  return remove(path, false);
}
Result<> SimShardDisk::remove_directory(std::string_view path) {
  return remove(path, true);
}

Result<> SimShardDisk::make_directory(std::string_view path) {
  bool skipped = false;
  CHECKED(ready(DiskCall::make_directory, path, skipped));
  if (disk_.image_.find(path)) return fail(Errc::already_exists, std::string(path));
  TRY(DirectoryName name, disk_.image_.locate(path));
  if (skipped) return {};
  CHECKED(disk_.create(std::move(name), true));
  return {};
}

Result<std::vector<DirectoryEntry>> SimShardDisk::list(std::string_view path) {
  if (!shard_.process().alive()) return fail(Errc::stopped);
  const DiskImage& image = disk_.image_;
  TRY(const InodeId directory, image.find(path));
  if (!image.is_directory(directory))
    return fail(Errc::not_found, std::string(path) + " is a file");
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, inode] : image.entries(directory)) {
    const bool is_directory = image.is_directory(inode);
    entries.push_back({name, is_directory, is_directory ? 0 : image.contents(inode).size()});
  }
  return entries;
}

Result<DirectoryEntry> SimShardDisk::stat(std::string_view path) {
  if (!shard_.process().alive()) return fail(Errc::stopped);
  TRY(const InodeId inode, disk_.image_.find(path));
  const std::vector<std::string_view> parts = path_parts(path);
  const bool directory = disk_.image_.is_directory(inode);
  return DirectoryEntry{std::string(parts.empty() ? "/" : parts.back()), directory,
                        directory ? 0 : disk_.image_.contents(inode).size()};
}

void SimShardDisk::start_sync_directory(std::string_view path, Completion<Result<>>& done) {
  if (!shard_.process().alive()) return done.complete(fail(Errc::stopped));
  const Result<InodeId> found = disk_.image_.find(path);
  if (!found || !disk_.image_.is_directory(*found)) {
    return done.complete(fail(Errc::not_found, std::string(path)));
  }
  disk_.start_sync(
      shard_,
      {DiskCall::sync_directory, {.kind = DiskOpKind::sync_directory, .inode = *found}, path},
      done);
}

void SimShardDisk::start_sync_all(std::string_view path, Completion<Result<>>& done) {
  disk_.start_sync(shard_, {DiskCall::sync_all, {.kind = DiskOpKind::sync_all}, path}, done);
}

Result<std::unique_ptr<DirectoryLock>> SimShardDisk::lock(std::string_view path) {
  TRY(auto file, open(join_path(path, ".lock"), OpenMode::create_or_open));
  TRY(const InodeId inode, disk_.file_at(join_path(path, ".lock")));
  if (disk_.locks_.contains(inode)) return fail(Errc::locked, std::string(path));
  return std::make_unique<SimDirectoryLock>(disk_, shard_.process(), inode);
}

Result<DiskSpace> SimShardDisk::space(std::string_view) {
  if (!shard_.process().alive()) return fail(Errc::stopped);
  return DiskSpace{disk_.faults_.capacity_bytes, disk_.free_bytes()};
}

}  // namespace partita::runtime::sim
