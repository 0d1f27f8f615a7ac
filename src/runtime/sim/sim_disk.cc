#include "runtime/sim/sim_disk.h"

#include <algorithm>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/fault_points.h"
#include "runtime/sim/world.h"

namespace partita::runtime::sim {

namespace {

/// The fate of each pending operation, drawn anew for each power cut: all lost, all kept, or each
/// its own.
std::vector<Fate> draw_fates(const std::vector<DiskOp>& pending, Random& random) {
  const uint64_t mode = random.below(4);
  const uint64_t keep_in_eight = mode == 0 ? 0 : mode == 1 ? 8 : 1 + random.below(7);
  std::vector<Fate> fates;
  for (const DiskOp& op : pending) {
    Fate& fate = fates.emplace_back();
    fate.kept = random.below(8) < keep_in_eight;
    if (!fate.kept || keep_in_eight == 8 || op.kind != DiskOpKind::write) continue;
    if (random.below(2) == 0) continue;
    fate.size = static_cast<SizeKept>(random.below(3));
    const uint64_t first = op.position / kSectorBytes;
    const uint64_t sectors = (op.position + op.data.size()) / kSectorBytes - first + 1;
    for (uint64_t i = 0; i < sectors; i++) fate.sectors_lost.push_back(random.below(2) == 0);
    COVERED("sim.disk.torn_write");
  }
  return fates;
}

}  // namespace

SimDisk::SimDisk(SimNode& node, DiskImage image, SimRandom random)
    : node_(node), image_(std::move(image)), random_(random) {}

std::optional<DiskFault> SimDisk::strike(DiskCall call, std::string_view path, uint32_t one_in) {
  calls_[call]++;
  for (auto planned = planned_.begin(); planned != planned_.end(); ++planned) {
    if (planned->call != call || path.find(planned->path) == std::string_view::npos) continue;
    if (planned->nth > 1) {
      planned->nth--;
      continue;
    }
    const DiskFault fault = planned->fault;
    if (--planned->times == 0) planned_.erase(planned);
    return fault;
  }
  if (chance(random_, one_in)) return DiskFault::io_error;
  return std::nullopt;
}

void SimDisk::apply(DiskOp op) {
  op.sequence = ++sequence_;
  const uint64_t bytes = op.data.empty() ? 0 : crc32c(op.data.view());
  node_.world().trace(EventKind::disk,
                      (uint64_t{node_.index()} << 8) | static_cast<uint64_t>(op.kind),
                      mix64(op.inode.value() ^ mix64(op.position)) ^ bytes);
  if (recording_) recording_->ops.push_back(op);
  image_.apply(op);
  const bool removes = op.kind == DiskOpKind::unlink || op.kind == DiskOpKind::rename;
  if (removes && ++removals_ % kRemovalsPerCollection == 0)
    image_.collect({open_.begin(), open_.end()});
  if (image_.pending().size() <= kPendingOpsMax) return;
  COVERED("sim.disk.write_back");
  apply({.kind = DiskOpKind::sync_all, .covers = image_.pending()[kPendingOpsMax / 2].sequence});
}

uint64_t SimDisk::free_bytes() const {
  const uint64_t used = image_.used_bytes();
  return used < faults_.capacity_bytes ? faults_.capacity_bytes - used : 0;
}

void SimDisk::stall(Duration duration) {
  stalled_until_ = std::max(stalled_until_, node_.world().now() + duration);
}

Duration SimDisk::delay(const Latency& latency) {
  const Instant now = node_.world().now();
  return std::max(stalled_until_ - now, Duration(0)) + latency.draw(random_);
}

Result<InodeId> SimDisk::file_at(std::string_view path) const {
  TRY(const InodeId inode, image_.find(path));
  if (image_.is_directory(inode))
    return fail(Errc::not_found, std::string(path) + " is a directory");
  return inode;
}

Result<> SimDisk::flip_bits(std::string_view path, uint64_t position, uint8_t mask) {
  TRY(const InodeId file, file_at(path));
  image_.damage(file, position, 1, mask, false);
  return {};
}

Result<> SimDisk::zero_sector(std::string_view path, uint64_t position) {
  TRY(const InodeId file, file_at(path));
  image_.damage(file, position / kSectorBytes * kSectorBytes, kSectorBytes, 0, true);
  return {};
}

Result<> SimDisk::make_unreadable(std::string_view path, uint64_t position, uint64_t count) {
  TRY(const InodeId file, file_at(path));
  unreadable_.push_back({file, position, position + count});
  return {};
}

Result<> SimDisk::evict(std::string_view path) {
  TRY(const InodeId file, file_at(path));
  image_.evict(file);
  return {};
}

Result<Bytes> SimDisk::contents(std::string_view path) const {
  TRY(const InodeId file, file_at(path));
  return Bytes::copy_of(image_.contents(file));
}

void SimDisk::start_recording() {
  recording_ = DiskRecording{image_, {}};
}

const DiskRecording& SimDisk::recording() const {
  CHECK(recording_.has_value());
  return *recording_;
}

DiskRecording SimDisk::take_recording() {
  CHECK(recording_.has_value());
  return *std::exchange(recording_, std::nullopt);
}

void SimDisk::put(std::string_view path, ByteView contents) {
  const std::vector<std::string_view> parts = path_parts(path);
  CHECK(!parts.empty());
  std::string at;
  for (size_t i = 0; i < parts.size(); i++) {
    at.append("/").append(parts[i]);
    if (image_.find(at)) continue;
    CHECK(create(*image_.locate(at), i + 1 < parts.size()).has_value());
  }
  const InodeId file = file_at(at).value();
  apply({.kind = DiskOpKind::truncate, .inode = file, .position = 0});
  apply({.kind = DiskOpKind::write, .inode = file, .data = Bytes::copy_of(contents)});
  apply({.kind = DiskOpKind::sync_all, .covers = sequence_});
}

uint64_t SimDisk::calls(DiskCall call) const {
  const auto found = calls_.find(call);
  return found == calls_.end() ? 0 : found->second;
}

Result<InodeId> SimDisk::create(DirectoryName name, bool is_directory) {
  if (free_bytes() == 0) return fail(Errc::no_space, name.name);
  const InodeId made = image_.next_inode();
  apply({.kind = DiskOpKind::create,
         .inode = made,
         .is_directory = is_directory,
         .name = std::move(name)});
  return made;
}

Result<> SimDisk::write_part(InodeId file, uint64_t position, const Bytes& data, Errc error) {
  if (!data.empty()) {
    apply({.kind = DiskOpKind::write, .inode = file, .position = position, .data = data});
  }
  return fail(error, "a write of the simulated disk");
}

Result<> SimDisk::write(InodeId file, std::string_view path, uint64_t position, Bytes data) {
  const std::optional<DiskFault> fault = strike(DiskCall::write, path, faults_.write_error_one_in);
  if (fault == DiskFault::skipped || data.empty()) return {};
  if (fault == DiskFault::io_error || fault == DiskFault::no_space) {
    const Errc error = *fault == DiskFault::io_error ? Errc::io_error : Errc::no_space;
    return write_part(file, position, data.slice(0, random_.below(data.size() + 1)), error);
  }
  if (fault == DiskFault::misdirected) position += kSectorBytes * (1 + random_.below(8));
  const uint64_t size = image_.contents(file).size();
  const uint64_t end = position + data.size();
  if (end > size && end - size > free_bytes()) {
    const uint64_t limit = size + free_bytes();
    const uint64_t fits = limit > position ? limit - position : 0;
    COVERED("sim.disk.full");
    return write_part(file, position, data.slice(0, fits), Errc::no_space);
  }
  apply({.kind = DiskOpKind::write, .inode = file, .position = position, .data = std::move(data)});
  std::erase_if(unreadable_, [&](const Unreadable& bad) {
    return bad.file == file && position <= bad.from && bad.to <= end;
  });
  return {};
}

Result<size_t> SimDisk::copy_out(InodeId file, uint64_t position, ByteSpan into) const {
  const ByteView contents = image_.contents(file);
  if (position >= contents.size()) return 0;
  const size_t count = std::min<uint64_t>(into.size(), contents.size() - position);
  for (const Unreadable& bad : unreadable_) {
    if (bad.file == file && position < bad.to && bad.from < position + count) {
      return fail(Errc::io_error, "an unreadable sector of the simulated disk");
    }
  }
  std::copy_n(contents.data() + position, count, into.data());
  return count;
}

Result<size_t> SimDisk::copy_out(InodeId file, uint64_t position, ByteSpan into,
                                 std::optional<DiskFault> fault) {
  if (fault && fault != DiskFault::flipped) {
    return fail(Errc::io_error, "a read of the simulated disk");
  }
  TRY(const size_t count, copy_out(file, position, into));
  if (fault && count > 0) into[random_.below(count)] ^= static_cast<uint8_t>(1 << random_.below(8));
  return count;
}

void SimDisk::start_sync(SimShard& shard, SyncCall call, Completion<Result<>>& done) {
  SimProcess& process = shard.process();
  if (!process.alive()) return done.complete(fail(Errc::stopped));
  const std::optional<DiskFault> fault = strike(call.call, call.path, faults_.sync_error_one_in);
  call.op.covers = sequence_;
  if (call.under_way) ++*call.under_way;
  const uint64_t id = process.begin([this, op = std::move(call.op), under_way = call.under_way,
                                     fault, &done](bool stopped) mutable {
    if (under_way) --*under_way;
    done.complete(stopped ? fail(Errc::stopped) : finish_sync(std::move(op), fault));
  });
  node_.world().schedule(node_.world().now() + delay(faults_.sync), &shard, EventKind::disk, id,
                         [&process, id] { process.finish(id); });
}

Result<> SimDisk::finish_sync(DiskOp sync, std::optional<DiskFault> fault) {
  if (fault == DiskFault::skipped) return {};
  if (!fault) {
    apply(std::move(sync));
    return {};
  }
  if (sync.kind != DiskOpKind::sync_directory) {
    sync.kind = DiskOpKind::drop_unsynced;
    apply(std::move(sync));
  }
  return fail(Errc::io_error, "a sync of the simulated disk");
}

void SimDisk::power_cut() {
  CHECK(!recording_.has_value());
  image_ = image_.after_power_cut(draw_fates(image_.pending(), random_));
  node_.world().trace(EventKind::disk, node_.index(), image_.hash());
}

void SimDisk::release_all(SimProcess& process) {
  std::erase_if(locks_, [&](const auto& lock) { return lock.second == &process; });
  open_.clear();
  image_.collect({});
}

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
