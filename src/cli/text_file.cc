#include "cli/text_file.h"

#include "runtime/disk.h"

namespace partita::cli {
namespace {

constexpr uint64_t kFileBytesMax = 16 << 20;

}  // namespace

Task<Result<std::string>> read_text_file(Shard& shard, std::string path) {
  CO_TRY(const Bytes bytes,
         co_await read_file(shard.executor(), shard.disk(), std::move(path), kFileBytesMax));
  const ByteView view = bytes.view();
  co_return std::string(view.begin(), view.end());
}

}  // namespace partita::cli
