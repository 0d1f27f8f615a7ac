#include "runtime/sim/crash_enumerator.h"

#include <fmt/format.h>

#include <algorithm>

namespace partita::runtime::sim {

std::string describe(const DiskOp& op) {
  std::string text = fmt::format("#{} {}", op.sequence, disk_op_name(op.kind));
  if (op.changes_names()) {
    if (op.kind == DiskOpKind::rename) text += fmt::format(" {} to", op.from.name);
    text += fmt::format(" {} in directory {}", op.name.name, op.name.directory.value());
  }
  if (op.inode != kNoInode) text += fmt::format(", inode {}", op.inode.value());
  if (op.changes_data()) text += fmt::format(" at {}, {} bytes", op.position, op.data.size());
  return text;
}

std::string CrashPoint::to_string() const {
  return fmt::format("after {} operations ({}): {}", operations, last, variant);
}

namespace {

using VisitWhile = std::function<bool(const CrashPoint&, const DiskImage&)>;

/// The power cuts at one prefix of the log.
class Cuts {
 public:
  Cuts(const DiskImage& image, CrashPoint point, const VisitWhile& visit)
      : image_(image), point_(std::move(point)), visit_(visit) {}

  bool run(bool last_is_write) {
    const size_t count = image_.pending().size();
    const std::vector<Fate> kept(count);
    std::vector<Fate> lost(count, Fate{.kept = false});
    if (!show("all kept", kept) || !show("all lost", lost)) return false;
    for (size_t i = 0; i < count; i++) {
      std::vector<Fate> fates = kept;
      fates[i].kept = false;
      if (!show("lost only " + describe(image_.pending()[i]), fates)) return false;
    }
    if (!last_is_write || count == 0) return true;
    return tear_last(kept, "the rest kept") && tear_last(lost, "the rest lost");
  }

 private:
  bool tear_last(std::vector<Fate> fates, const std::string& rest) {
    const DiskOp& last = image_.pending().back();
    const uint64_t first = last.position / kSectorBytes;
    const uint64_t sectors =
        (last.position + last.data.size() + kSectorBytes - 1) / kSectorBytes - first;
    const std::string words = fmt::format("; {} ({})", rest, describe(last));
    const auto show_last = [&](std::string variant, Fate fate) {
      fates.back() = std::move(fate);
      return show(variant + words, fates);
    };
    if (!show_last("size not kept", {.size = SizeKept::no})) return false;
    for (uint64_t at = 0; at < sectors; at++) {
      std::vector<bool> back_lost(sectors, true);
      std::fill_n(back_lost.begin(), at, false);
      std::vector<bool> front_lost = back_lost;
      front_lost.flip();
      const std::string sector = fmt::format("torn at sector {} of {}", at, sectors);
      if (!show_last(sector + ", front kept",
                     {.size = SizeKept::of_kept_sectors, .sectors_lost = back_lost}) ||
          !show_last(sector + ", front and size kept", {.sectors_lost = back_lost}) ||
          !show_last(sector + ", back kept", {.sectors_lost = front_lost})) {
        return false;
      }
    }
    return true;
  }

  bool show(std::string variant, const std::vector<Fate>& fates) {
    const DiskImage after = image_.after_power_cut(fates);
    if (!seen_.insert(after.hash()).second) return true;
    point_.variant = std::move(variant);
    return visit_(point_, after);
  }

  const DiskImage& image_;
  CrashPoint point_;
  const VisitWhile& visit_;
  std::set<uint64_t> seen_;
};

}  // namespace

bool CrashEnumerator::for_each_while(const VisitWhile& visit) const {
  DiskImage image = recording_.start;
  CrashPoint point;
  point.last = "none";
  if (!recording_.ops.empty()) point.log_position = recording_.ops.front().sequence - 1;
  if (!Cuts(image, point, visit).run(false)) return false;
  for (const DiskOp& op : recording_.ops) {
    point.operations++;
    point.log_position = op.sequence;
    point.last = describe(op);
    const bool applied = !left_out_.contains(op.sequence);
    if (applied) image.apply(op);
    if (!Cuts(image, point, visit).run(applied && op.kind == DiskOpKind::write)) return false;
  }
  return true;
}

size_t CrashEnumerator::for_each(const Visit& visit) const {
  size_t shown = 0;
  for_each_while([&](const CrashPoint& point, const DiskImage& image) {
    visit(point, image);
    shown++;
    return true;
  });
  return shown;
}

}  // namespace partita::runtime::sim
