#pragma once
// The disk seam on the kernel's page cache. One per shard.
//
// Invariants:
//  1. write, truncate and reads of resident pages are plain calls on the loop; what may wait for
//     the device (syncs, cold reads, write-back) runs on the helper pool and answers through the
//     executor.
//  2. A descriptor stays open until the last helper job that uses it has ended, whatever becomes of
//     its File.
//  3. The filesystem descriptors that sync_all uses stay open between calls, so that the kernel
//     reports to them every write-back error that happened in between.

#include <map>

#include "runtime/disk.h"
#include "runtime/linux/helper_pool.h"

namespace partita {

class Descriptor;

class LinuxDisk final : public Disk {
 public:
  LinuxDisk(Executor& executor, HelperPool& helpers) : executor_(executor), helpers_(helpers) {}

  Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override;
  Result<> rename(std::string_view from, std::string_view to) override;
  Result<> unlink(std::string_view path) override;
  Result<> make_directory(std::string_view path) override;
  Result<> remove_directory(std::string_view path) override;
  Result<std::vector<DirectoryEntry>> list(std::string_view path) override;
  Result<DirectoryEntry> stat(std::string_view path) override;
  void start_sync_directory(std::string_view path, Completion<Result<>>& done) override;
  void start_sync_all(std::string_view path, Completion<Result<>>& done) override;
  /// An open-file-description lock of the whole file: excludes other descriptors of this process,
  /// other processes, and Apache Kafka, which takes a POSIX lock of the same file.
  Result<std::unique_ptr<DirectoryLock>> lock(std::string_view path) override;
  Result<DiskSpace> space(std::string_view path) override;

 private:
  Result<std::shared_ptr<Descriptor>> filesystem_of(const std::string& path);

  Executor& executor_;
  HelperPool& helpers_;
  // By path as given; as many as there are log directories.
  std::map<std::string, std::shared_ptr<Descriptor>, std::less<>> filesystems_;
};

}  // namespace partita
