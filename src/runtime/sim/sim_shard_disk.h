#pragma once
// SimShardDisk: the Disk seam that one shard of one process sees of its node's SimDisk. Calls of a
// dead process answer stopped and change nothing (sim_node.h).

#include <memory>
#include <string_view>
#include <vector>

#include "runtime/disk.h"
#include "runtime/sim/sim_disk.h"

namespace partita::runtime::sim {

class SimShardDisk final : public Disk {
 public:
  SimShardDisk(SimDisk& disk, SimShard& shard) : disk_(disk), shard_(shard) {}

  Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override;
  Result<> rename(std::string_view from, std::string_view to) override;
  Result<> unlink(std::string_view path) override;
  Result<> make_directory(std::string_view path) override;
  Result<> remove_directory(std::string_view path) override;
  Result<std::vector<DirectoryEntry>> list(std::string_view path) override;
  Result<DirectoryEntry> stat(std::string_view path) override;
  void start_sync_directory(std::string_view path, Completion<Result<>>& done) override;
  void start_sync_all(std::string_view path, Completion<Result<>>& done) override;
  Result<std::unique_ptr<DirectoryLock>> lock(std::string_view path) override;
  Result<DiskSpace> space(std::string_view path) override;

 private:
  Result<> ready(DiskCall call, std::string_view path, bool& skipped);
  Result<> remove(std::string_view path, bool directory);

  SimDisk& disk_;
  SimShard& shard_;
};

}  // namespace partita::runtime::sim
