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

}  // namespace partita::runtime::sim
