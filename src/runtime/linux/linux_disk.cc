#include "runtime/linux/linux_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "runtime/linux/descriptor.h"
#include "runtime/linux/errno_error.h"
#include "runtime/linux/linux_file.h"

namespace partita {

namespace {

int open_flags(OpenMode mode) {
  switch (mode) {
    case OpenMode::read: return O_RDONLY;
    case OpenMode::write: return O_RDWR;
    case OpenMode::create: return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::create_or_open: return O_RDWR | O_CREAT;
  }
  return O_RDONLY;
}

Result<Descriptor> open_descriptor(const std::string& path, int flags) {
  const int fd = retry_interrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0644); });
  if (fd < 0) return errno_error("open " + path);
  return Descriptor(fd);
}

/// The answer of a call that gives 0 for good.
Result<> answer_of(int result, std::string_view what, const std::string& path) {
  if (result < 0) return errno_error(std::string(what) + " " + path);
  return {};
}

struct DirectoryCloser {
  void operator()(DIR* directory) const { closedir(directory); }
};

class FileLock final : public DirectoryLock {
 public:
  explicit FileLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  const Descriptor descriptor_;
};

Result<DirectoryEntry> entry_of(int directory, const dirent& found, const std::string& path) {
  DirectoryEntry entry{.name = found.d_name, .is_directory = found.d_type == DT_DIR};
  if (entry.is_directory) return entry;
  struct stat status;
  if (fstatat(directory, found.d_name, &status, 0) < 0)
    return errno_error("stat " + join_path(path, entry.name));
  entry.is_directory = S_ISDIR(status.st_mode);
  entry.size = static_cast<uint64_t>(status.st_size);
  return entry;
}

}  // namespace

Result<std::unique_ptr<File>> LinuxDisk::open(std::string_view path, OpenMode mode) {
  std::string name(path);
  TRY(Descriptor descriptor, open_descriptor(name, open_flags(mode)));
  return std::make_unique<LinuxFile>(
      executor_, helpers_, std::make_shared<Descriptor>(std::move(descriptor)), std::move(name));
}

Result<> LinuxDisk::rename(std::string_view from, std::string_view to) {
  const std::string source(from);
  return answer_of(::rename(source.c_str(), std::string(to).c_str()), "rename", source);
}

Result<> LinuxDisk::unlink(std::string_view path) {
  const std::string name(path);
  return answer_of(::unlink(name.c_str()), "unlink", name);
}

Result<> LinuxDisk::make_directory(std::string_view path) {
  const std::string name(path);
  return answer_of(::mkdir(name.c_str(), 0755), "mkdir", name);
}

Result<> LinuxDisk::remove_directory(std::string_view path) {
  const std::string name(path);
  return answer_of(::rmdir(name.c_str()), "rmdir", name);
}

Result<std::vector<DirectoryEntry>> LinuxDisk::list(std::string_view path) {
  const std::string name(path);
  std::unique_ptr<DIR, DirectoryCloser> directory(opendir(name.c_str()));
  if (directory == nullptr) return errno_error("list " + name);
  std::vector<DirectoryEntry> entries;
  while (true) {
    errno = 0;
    const dirent* found = readdir(directory.get());
    if (found == nullptr && errno != 0) return errno_error("list " + name);
    if (found == nullptr) break;
    if (std::string_view(found->d_name) == "." || std::string_view(found->d_name) == "..") continue;
    auto entry = entry_of(dirfd(directory.get()), *found, name);
    // Removed since: as though it had never been seen.
    if (!entry && entry.error().code == Errc::not_found) continue;
    if (!entry) return std::unexpected(std::move(entry).error());
    entries.push_back(*std::move(entry));
  }
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  return entries;
}

Result<DirectoryEntry> LinuxDisk::stat(std::string_view path) {
  const std::string name(path);
  struct stat status;
  if (::stat(name.c_str(), &status) < 0) return errno_error("stat " + name);
  const size_t slash = name.rfind('/');
  const bool is_directory = S_ISDIR(status.st_mode);
  return DirectoryEntry{.name = slash == std::string::npos ? name : name.substr(slash + 1),
                        .is_directory = is_directory,
                        .size = is_directory ? 0 : static_cast<uint64_t>(status.st_size)};
}

void LinuxDisk::start_sync_directory(std::string_view path, Completion<Result<>>& done) {
  helpers_.submit(HelperKind::sync, [&executor = executor_, name = std::string(path), &done] {
    Result<> result;
    if (auto directory = open_descriptor(name, O_RDONLY | O_DIRECTORY); !directory) {
      result = std::unexpected(std::move(directory).error());
    } else {
      result = answer_of(retry_interrupted([&] { return fsync(directory->get()); }), "fsync", name);
    }
    executor.post(
        [&done, result = std::move(result)]() mutable { done.complete(std::move(result)); });
  });
}

Result<std::shared_ptr<Descriptor>> LinuxDisk::filesystem_of(const std::string& path) {
  if (auto known = filesystems_.find(path); known != filesystems_.end()) return known->second;
  TRY(Descriptor descriptor, open_descriptor(path, O_RDONLY));
  auto shared = std::make_shared<Descriptor>(std::move(descriptor));
  filesystems_.emplace(path, shared);
  return shared;
}

void LinuxDisk::start_sync_all(std::string_view path, Completion<Result<>>& done) {
  std::string name(path);
  auto filesystem = filesystem_of(name);
  if (!filesystem) {
    done.complete(std::unexpected(std::move(filesystem).error()));
    return;
  }
  helpers_.submit(HelperKind::sync, [&executor = executor_, filesystem = *filesystem,
                                     name = std::move(name), &done] {
    Result<> result =
        answer_of(retry_interrupted([&] { return syncfs(filesystem->get()); }), "syncfs", name);
    executor.post(
        [&done, result = std::move(result)]() mutable { done.complete(std::move(result)); });
  });
}

Result<std::unique_ptr<DirectoryLock>> LinuxDisk::lock(std::string_view path) {
  const std::string name = join_path(path, ".lock");
  TRY(Descriptor descriptor, open_descriptor(name, O_RDWR | O_CREAT));
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (retry_interrupted([&] { return fcntl(descriptor.get(), F_OFD_SETLK, &whole); }) < 0) {
    if (errno == EAGAIN || errno == EACCES)
      return fail(Errc::locked, name + " is held by another process");
    return errno_error("lock " + name);
  }
  return std::make_unique<FileLock>(std::move(descriptor));
}

Result<DiskSpace> LinuxDisk::space(std::string_view path) {
  const std::string name(path);
  struct statvfs status;
  if (statvfs(name.c_str(), &status) < 0) return errno_error("statvfs " + name);
  return DiskSpace{.total_bytes = status.f_blocks * status.f_frsize,
                   .free_bytes = status.f_bavail * status.f_frsize};
}

}  // namespace partita
