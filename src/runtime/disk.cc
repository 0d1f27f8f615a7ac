#include "runtime/disk.h"

namespace partita {

Task<Result<size_t>> read(Executor& executor, File& file, uint64_t position, ByteSpan into) {
  Result<size_t> resident = file.read_resident(position, into);
  if (resident || resident.error().code != Errc::would_block) co_return resident;
  Completion<Result<size_t>> done(executor);
  file.start_read(position, into, done);
  co_return co_await done;
}

Task<Result<>> read_exactly(Executor& executor, File& file, uint64_t position, ByteSpan into) {
  CO_TRY(const size_t count, co_await read(executor, file, position, into));
  if (count < into.size()) co_return fail(Errc::truncated_data, "the file ends before");
  co_return Result<>();
}

Task<Result<>> sync(Executor& executor, File& file) {
  Completion<Result<>> done(executor);
  file.start_sync(done);
  co_return co_await done;
}

Task<Result<>> sync_directory(Executor& executor, Disk& disk, std::string path) {
  Completion<Result<>> done(executor);
  disk.start_sync_directory(path, done);
  co_return co_await done;
}

Task<Result<>> sync_all(Executor& executor, Disk& disk, std::string path) {
  Completion<Result<>> done(executor);
  disk.start_sync_all(path, done);
  co_return co_await done;
}

Task<Result<Bytes>> read_file(Executor& executor, Disk& disk, std::string path,
                              uint64_t bytes_max) {
  CO_TRY(auto file, disk.open(path, OpenMode::read));
  CO_TRY(const uint64_t size, file->size());
  if (size > bytes_max) co_return fail(Errc::limit_exceeded, path + " is too large");
  Buffer contents(size);
  contents.resize(size);
  CO_CHECKED(co_await read_exactly(executor, *file, 0, contents.span()));
  co_return std::move(contents).freeze();
}

Task<Result<>> replace_file(Executor& executor, Disk& disk, std::string path, Bytes contents) {
  const std::string temporary = path + ".tmp";
  CO_TRY(auto file, disk.open(temporary, OpenMode::create_or_open));
  CO_CHECKED(file->truncate(0));
  CO_CHECKED(file->write(0, contents.view()));
  CO_CHECKED(co_await sync(executor, *file));
  file.reset();
  CO_CHECKED(disk.rename(temporary, path));
  co_return co_await sync_directory(executor, disk, parent_path(path));
}

std::string join_path(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && path.back() != '/') path += '/';
  return path.append(name);
}

std::string parent_path(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

}  // namespace partita
