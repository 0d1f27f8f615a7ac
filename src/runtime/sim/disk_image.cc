#include "runtime/sim/disk_image.h"

#include <algorithm>

#include "base/check.h"
#include "base/crc32c.h"
#include "runtime/sim/sim_random.h"

namespace partita::runtime::sim {

std::string_view disk_op_name(DiskOpKind kind) {
  switch (kind) {
    case DiskOpKind::write: return "write";
    case DiskOpKind::grow: return "grow";
    case DiskOpKind::truncate: return "truncate";
    case DiskOpKind::create: return "create";
    case DiskOpKind::rename: return "rename";
    case DiskOpKind::unlink: return "unlink";
    case DiskOpKind::sync: return "sync";
    case DiskOpKind::sync_directory: return "sync_directory";
    case DiskOpKind::sync_all: return "sync_all";
    case DiskOpKind::drop_unsynced: return "drop_unsynced";
  }
  return "unknown";
}

std::vector<std::string_view> path_parts(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  return parts;
}

DiskImage::DiskImage() {
  cached_[kRootInode].directory = true;
  durable_[kRootInode].directory = true;
}

const DiskImage::Inode& DiskImage::node(InodeId inode) const {
  const auto found = cached_.find(inode);
  CHECK(found != cached_.end());
  return found->second;
}

std::vector<uint8_t>& DiskImage::edit(Data& data) {
  if (!data) {
    data = std::make_shared<std::vector<uint8_t>>();
  } else if (data.use_count() > 1) {
    data = std::make_shared<std::vector<uint8_t>>(*data);
  }
  return *data;
}

void DiskImage::apply(const DiskOp& op) {
  CHECK(pending_.empty() || pending_.back().sequence < op.sequence);
  if (op.kind == DiskOpKind::drop_unsynced) return drop_unsynced(op);
  if (!op.changes_data() && !op.changes_names()) return make_durable(op);
  if (op.kind == DiskOpKind::create) {
    CHECK(op.inode.value() >= next_inode_);
    next_inode_ = op.inode.value() + 1;
    for (Tree* tree : {&cached_, &durable_}) {
      Inode& made = (*tree)[op.inode];
      made.directory = op.is_directory;
      edit(made.data);
    }
  }
  apply_to(cached_, op);
  pending_.push_back(op);
}

void DiskImage::apply_to(Tree& tree, const DiskOp& op) {
  if (op.changes_names()) {
    if (op.kind == DiskOpKind::rename) tree[op.from.directory].entries.erase(op.from.name);
    auto& entries = tree[op.name.directory].entries;
    if (op.kind == DiskOpKind::unlink) {
      entries.erase(op.name.name);
    } else {
      entries[op.name.name] = op.inode;
    }
    return;
  }
  std::vector<uint8_t>& data = edit(tree[op.inode].data);
  if (op.kind == DiskOpKind::truncate) return data.resize(op.position);
  const uint64_t end = op.position + op.data.size();
  if (data.size() < end) data.resize(end);
  std::copy_n(op.data.data(), op.data.size(), data.begin() + static_cast<ptrdiff_t>(op.position));
}

namespace {

/// Where a torn write leaves the end of its file at least.
uint64_t torn_end(const DiskOp& op, const Fate& fate) {
  const uint64_t end = op.position + op.data.size();
  if (fate.size == SizeKept::whole) return end;
  if (fate.size == SizeKept::no) return 0;
  const uint64_t first = op.position / kSectorBytes;
  uint64_t kept_end = 0;
  for (uint64_t sector = first; sector * kSectorBytes < end; sector++) {
    if (!fate.lost(sector - first)) kept_end = std::min(end, (sector + 1) * kSectorBytes);
  }
  return kept_end;
}

}  // namespace

void DiskImage::apply_torn(Tree& tree, const DiskOp& op, const Fate& fate) {
  std::vector<uint8_t>& data = edit(tree[op.inode].data);
  data.resize(std::max<uint64_t>(data.size(), torn_end(op, fate)));
  const uint64_t end = std::min<uint64_t>(op.position + op.data.size(), data.size());
  const uint64_t first = op.position / kSectorBytes;
  for (uint64_t at = op.position; at < end;) {
    const uint64_t sector = at / kSectorBytes;
    const uint64_t sector_end = std::min((sector + 1) * kSectorBytes, end);
    if (!fate.lost(sector - first)) {
      std::copy_n(op.data.data() + (at - op.position), sector_end - at,
                  data.begin() + static_cast<ptrdiff_t>(at));
    }
    at = sector_end;
  }
}

/// Which pending name changes a directory sync covers: those of the directory and the earlier
/// changes of their names.
std::vector<bool> DiskImage::names_with_causes(const DiskOp& sync) const {
  std::vector<bool> covered(pending_.size(), false);
  std::set<DirectoryName> needed;
  for (size_t i = pending_.size(); i-- > 0;) {
    const DiskOp& op = pending_[i];
    if (!op.changes_names() || op.sequence > sync.covers) continue;
    const bool moves = op.kind == DiskOpKind::rename;
    covered[i] = op.name.directory == sync.inode || needed.contains(op.name) ||
                 (moves && needed.contains(op.from));
    if (!covered[i]) continue;
    needed.insert(op.name);
    if (moves) needed.insert(op.from);
  }
  return covered;
}

void DiskImage::make_durable(const DiskOp& sync) {
  std::vector<bool> covered(pending_.size(), false);
  if (sync.kind == DiskOpKind::sync_directory) covered = names_with_causes(sync);
  std::vector<DiskOp> left;
  for (size_t i = 0; i < pending_.size(); i++) {
    DiskOp& op = pending_[i];
    const bool in_time = op.sequence <= sync.covers;
    const bool of_file =
        sync.kind == DiskOpKind::sync && op.changes_data() && op.inode == sync.inode;
    if (covered[i] || (in_time && (of_file || sync.kind == DiskOpKind::sync_all))) {
      apply_to(durable_, op);
    } else {
      left.push_back(std::move(op));
    }
  }
  pending_ = std::move(left);
}

void DiskImage::drop_unsynced(const DiskOp& drop) {
  for (DiskOp& op : pending_) {
    const bool ours = drop.inode == kNoInode || op.inode == drop.inode;
    if (op.kind != DiskOpKind::write || !ours || op.sequence > drop.covers) continue;
    op.kind = DiskOpKind::grow;
    op.position += op.data.size();
    op.data = {};
  }
}

Result<InodeId> DiskImage::find(std::string_view path) const {
  InodeId at = kRootInode;
  for (const std::string_view part : path_parts(path)) {
    const Inode& directory = node(at);
    const auto entry = directory.entries.find(std::string(part));
    if (entry == directory.entries.end()) return fail(Errc::not_found, std::string(path));
    at = entry->second;
  }
  return at;
}

Result<DirectoryName> DiskImage::locate(std::string_view path) const {
  const std::vector<std::string_view> parts = path_parts(path);
  if (parts.empty()) return fail(Errc::invalid_argument, "the root has no name");
  InodeId at = kRootInode;
  for (size_t i = 0; i + 1 < parts.size(); i++) {
    const auto entry = node(at).entries.find(std::string(parts[i]));
    if (entry == node(at).entries.end()) return fail(Errc::not_found, std::string(path));
    at = entry->second;
  }
  if (!node(at).directory) return fail(Errc::io_error, std::string(path) + " leads through a file");
  return DirectoryName{at, std::string(parts.back())};
}

uint64_t DiskImage::used_bytes() const {
  uint64_t used = 0;
  for (const auto& [id, inode] : cached_) {
    for (const auto& [name, target] : inode.entries) {
      if (!node(target).directory) used += node(target).data->size();
    }
  }
  return used;
}

namespace {

/// Which pending operations survive: a name only where the earlier changes of the same names do.
std::vector<bool> kept_of(const std::vector<DiskOp>& pending, std::span<const Fate> fates) {
  std::vector<bool> kept(pending.size());
  std::set<DirectoryName> broken;
  for (size_t i = 0; i < pending.size(); i++) {
    const DiskOp& op = pending[i];
    kept[i] = i >= fates.size() || fates[i].kept;
    if (!op.changes_names()) continue;
    const bool moves = op.kind == DiskOpKind::rename;
    if (broken.contains(op.name) || (moves && broken.contains(op.from))) kept[i] = false;
    if (kept[i]) continue;
    broken.insert(op.name);
    if (moves) broken.insert(op.from);
  }
  return kept;
}

}  // namespace

DiskImage DiskImage::after_power_cut(std::span<const Fate> fates) const {
  const std::vector<bool> kept = kept_of(pending_, fates);
  DiskImage after = *this;
  for (size_t i = 0; i < pending_.size(); i++) {
    if (!kept[i]) continue;
    const bool torn = i < fates.size() && pending_[i].kind == DiskOpKind::write;
    if (torn) {
      apply_torn(after.durable_, pending_[i], fates[i]);
    } else {
      apply_to(after.durable_, pending_[i]);
    }
  }
  after.pending_.clear();
  after.cached_ = after.durable_;
  after.collect({});
  return after;
}

void DiskImage::evict(InodeId file) {
  CHECK(!node(file).directory);
  cached_[file].data = durable_[file].data;
  for (const DiskOp& op : pending_) {
    if (op.changes_data() && op.inode == file) apply_to(cached_, op);
  }
}

void DiskImage::damage(InodeId file, uint64_t position, uint64_t count, uint8_t flip_mask,
                       bool zero) {
  CHECK(!node(file).directory);
  for (Tree* tree : {&cached_, &durable_}) {
    std::vector<uint8_t>& data = edit((*tree)[file].data);
    const uint64_t end = std::min<uint64_t>(data.size(), position + count);
    for (uint64_t at = position; at < end; at++) data[at] = zero ? 0 : data[at] ^ flip_mask;
  }
  // What is still pending was damaged in the cache already; written over the durable bytes it would
  // heal them.
  for (DiskOp& op : pending_) {
    if (op.kind != DiskOpKind::write || op.inode != file) continue;
    Buffer copy;
    copy.append(op.data.view());
    for (uint64_t i = 0; i < copy.size(); i++) {
      const uint64_t at = op.position + i;
      if (at >= position && at < position + count)
        copy.data()[i] = zero ? 0 : copy.data()[i] ^ flip_mask;
    }
    op.data = std::move(copy).freeze();
  }
}

void DiskImage::collect(const std::set<InodeId>& open) {
  std::set<InodeId> used = open;
  used.insert(kRootInode);
  for (const Tree* tree : {&cached_, &durable_}) {
    for (const auto& [id, inode] : *tree) {
      for (const auto& [name, target] : inode.entries) used.insert(target);
    }
  }
  for (const DiskOp& op : pending_) used.insert(op.inode);
  const auto unused = [&](const auto& item) { return !used.contains(item.first); };
  std::erase_if(cached_, unused);
  std::erase_if(durable_, unused);
}

uint64_t DiskImage::hash() const {
  uint64_t hash = 1;
  hash_directory(kRootInode, hash);
  return hash;
}

void DiskImage::hash_directory(InodeId directory, uint64_t& hash) const {
  for (const auto& [name, id] : node(directory).entries) {
    const Inode& inode = node(id);
    hash = mix64(hash ^ crc32c(as_bytes(name)) ^ (inode.directory ? 1ULL << 40 : 0));
    if (inode.directory) {
      hash_directory(id, hash);
    } else {
      hash = mix64(hash ^ inode.data->size() ^ (static_cast<uint64_t>(crc32c(*inode.data)) << 32));
    }
  }
  hash = mix64(hash + 1);
}

}  // namespace partita::runtime::sim
