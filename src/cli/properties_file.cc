#include "cli/properties_file.h"

#include "runtime/linux/world.h"

namespace partita::cli {
namespace {

constexpr uint64_t kFileBytesMax = 1 << 20;

}  // namespace

Result<Properties> read_properties_file(const std::string& path) {
  LinuxWorld world;
  Shard& shard = world.shard(0);
  const Result<Bytes> bytes =
      world.run(read_file(shard.executor(), shard.disk(), path, kFileBytesMax));
  if (!bytes && bytes.error().code == Errc::not_found) {
    return fail(Errc::not_found, path + " (No such file or directory)");
  }
  if (!bytes) return fail(bytes.error().code, path + ": " + describe(bytes.error()));
  return Properties::parse(bytes->view());
}

}  // namespace partita::cli
