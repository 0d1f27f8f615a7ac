#include "sim/checkers/directory.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace partita::sim {
namespace {

using runtime::sim::SimDisk;

constexpr std::array<std::string_view, 9> kSuffixes = {".log",        ".index",      ".timeindex",
                                                       ".snapshot",   ".deleted",    ".metadata",
                                                       "-checkpoint", ".checkpoint", ".cut"};

void check_partition(Findings& out, const SimDisk& disk, const std::string& directory) {
  const auto inode = disk.image().find(directory);
  if (!inode) return;
  bool has_records = false;
  for (const auto& [name, file] : disk.image().entries(*inode)) {
    has_records |= name.ends_with(".log") && !disk.image().contents(file).empty();
    const bool known = std::ranges::any_of(
        kSuffixes, [&name = name](std::string_view suffix) { return name.ends_with(suffix); });
    if (!known) out.push_back(fmt::format("{} holds {}", directory, name));
  }
  if (!has_records) return;
  const auto metadata = disk.contents(directory + "/partition.metadata");
  const bool right = metadata && as_text(metadata->view()).starts_with("version: 0\ntopic_id: ");
  if (!right) out.push_back(directory + " holds records but no partition.metadata");
}

}  // namespace

Findings check_directory(const SimDisk& disk) {
  Findings out;
  const auto root = disk.image().find("/data");
  if (!root) return {"there is no /data"};
  for (const auto& [name, inode] : disk.image().entries(*root)) {
    const bool partition = disk.image().is_directory(inode) && !name.starts_with("__") &&
                           !name.ends_with("-delete") && !name.ends_with("-stray");
    if (partition) check_partition(out, disk, "/data/" + name);
  }
  return out;
}

}  // namespace partita::sim
