#include "runtime/linux/linux_file.h"

#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>

#include "runtime/linux/errno_error.h"

namespace partita {

namespace {

constexpr size_t kPartsPerCall = 64;

/// Writes one batch of parts, continuing after short writes. `skip` bytes of the first part are
/// already written.
ssize_t write_parts(int fd, uint64_t position, std::span<const ByteView> parts, size_t skip) {
  std::array<iovec, kPartsPerCall> vectors;
  const size_t count = std::min(parts.size(), kPartsPerCall);
  for (size_t i = 0; i < count; i++) {
    const size_t from = i == 0 ? skip : 0;
    vectors[i] = {.iov_base = const_cast<uint8_t*>(parts[i].data() + from),
                  .iov_len = parts[i].size() - from};
  }
  return retry_interrupted([&] {
    return pwritev(fd, vectors.data(), static_cast<int>(count), static_cast<off_t>(position));
  });
}

Result<size_t> read_whole(int fd, uint64_t position, ByteSpan into, const std::string& path) {
  size_t total = 0;
  while (total < into.size()) {
    const ssize_t count = retry_interrupted([&] {
      return pread(fd, into.data() + total, into.size() - total,
                   static_cast<off_t>(position + total));
    });
    if (count < 0) return errno_error("read " + path);
    if (count == 0) break;
    total += static_cast<size_t>(count);
  }
  return total;
}

}  // namespace

Result<uint64_t> LinuxFile::size() {
  struct stat status;
  if (fstat(fd(), &status) < 0) return errno_error("stat " + path_);
  return static_cast<uint64_t>(status.st_size);
}

Result<> LinuxFile::write(uint64_t position, std::span<const ByteView> parts) {
  size_t skip = 0;
  while (true) {
    while (!parts.empty() && skip == parts.front().size()) {
      parts = parts.subspan(1);
      skip = 0;
    }
    if (parts.empty()) return {};
    const ssize_t count = write_parts(fd(), position, parts, skip);
    if (count < 0) return errno_error("write " + path_);
    position += static_cast<uint64_t>(count);
    skip += static_cast<size_t>(count);
    while (!parts.empty() && skip >= parts.front().size()) {
      skip -= parts.front().size();
      parts = parts.subspan(1);
    }
  }
}

Result<size_t> LinuxFile::read_resident(uint64_t position, ByteSpan into) {
  size_t total = 0;
  // A short answer means the end of the file or of what is resident; the next call tells which.
  while (total < into.size()) {
    const iovec vector{.iov_base = into.data() + total, .iov_len = into.size() - total};
    const ssize_t count = retry_interrupted([&] {
      return preadv2(fd(), &vector, 1, static_cast<off_t>(position + total), RWF_NOWAIT);
    });
    // A filesystem that cannot say what is resident is read by the helpers.
    if (count < 0 && (errno == EAGAIN || errno == EOPNOTSUPP)) return fail(Errc::would_block);
    if (count < 0) return errno_error("read " + path_);
    if (count == 0) break;
    total += static_cast<size_t>(count);
  }
  return total;
}

void LinuxFile::start_read(uint64_t position, ByteSpan into, Completion<Result<size_t>>& done) {
  helpers_.submit(HelperKind::read,
                  [&executor = executor_, file = descriptor_, path = path_, position, into, &done] {
                    auto result = read_whole(file->get(), position, into, path);
                    executor.post([&done, result = std::move(result)]() mutable {
                      done.complete(std::move(result));
                    });
                  });
}

void LinuxFile::start_sync(Completion<Result<>>& done) {
  helpers_.submit(
      HelperKind::sync, [&executor = executor_, file = descriptor_, path = path_, &done] {
        Result<> result;
        if (retry_interrupted([&] { return fdatasync(file->get()); }) < 0)
          result = errno_error("fdatasync " + path);
        executor.post(
            [&done, result = std::move(result)]() mutable { done.complete(std::move(result)); });
      });
}

Result<> LinuxFile::truncate(uint64_t size) {
  if (retry_interrupted([&] { return ftruncate(fd(), static_cast<off_t>(size)); }) < 0) {
    return errno_error("truncate " + path_);
  }
  return {};
}

void LinuxFile::start_writeback(uint64_t position, uint64_t count) {
  // It may wait for room in the device's queue, so not on the loop. Its error is seen by the next
  // sync.
  helpers_.submit(HelperKind::sync, [file = descriptor_, position, count] {
    static_cast<void>(sync_file_range(file->get(), static_cast<off64_t>(position),
                                      static_cast<off64_t>(count), SYNC_FILE_RANGE_WRITE));
  });
}

}  // namespace partita
