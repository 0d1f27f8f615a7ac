#include "storage/clean_shutdown.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/fault_points.h"

namespace partita::storage {
namespace {

constexpr uint64_t kBytesMax = 4096;

}  // namespace

Bytes encode_clean_shutdown(BrokerEpoch epoch) {
  return Bytes::copy_of(fmt::format(R"({{"version":0,"brokerEpoch":{}}})", epoch.value()));
}

Result<BrokerEpoch> decode_clean_shutdown(ByteView bytes) {
  if (bytes.size() > kBytesMax) return fail(Errc::corrupt_data, "the marker is too large");
  const auto json = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_object()) return fail(Errc::corrupt_data, "the marker is no JSON object");
  const auto version = json.find("version");
  if (version == json.end() || !version->is_number_integer() || *version != 0) {
    return fail(Errc::corrupt_data, "the marker is not of version 0");
  }
  const auto epoch = json.find("brokerEpoch");
  if (epoch == json.end()) return kNoBrokerEpoch;
  if (!epoch->is_number_integer()) return fail(Errc::corrupt_data, "the marker's epoch is bad");
  const auto value = epoch->get<int64_t>();
  if (value < kNoBrokerEpoch.value() || (epoch->is_number_unsigned() && value < 0)) {
    return fail(Errc::corrupt_data, "the marker's epoch is bad");
  }
  return BrokerEpoch(value);
}

Task<Result<>> write_clean_shutdown(Executor& executor, Disk& disk, std::string directory,
                                    BrokerEpoch epoch) {
  co_return co_await replace_file(executor, disk, join_path(directory, kCleanShutdownFile),
                                  encode_clean_shutdown(epoch));
}

Task<Result<std::optional<BrokerEpoch>>> read_clean_shutdown(Executor& executor, Disk& disk,
                                                             std::string directory) {
  const std::string path = join_path(directory, kCleanShutdownFile);
  const Result<Bytes> bytes = co_await read_file(executor, disk, path, kBytesMax);
  if (!bytes && bytes.error().code == Errc::not_found) co_return std::nullopt;
  if (!bytes && bytes.error().code != Errc::limit_exceeded) {
    co_return std::unexpected(bytes.error());
  }
  if (!bytes) co_return kNoBrokerEpoch;
  co_return decode_clean_shutdown(bytes->view()).value_or(kNoBrokerEpoch);
}

Task<Result<>> remove_clean_shutdown(Executor& executor, Disk& disk, std::string directory) {
  const Result<> removed = disk.unlink(join_path(directory, kCleanShutdownFile));
  if (!removed && removed.error().code != Errc::not_found) co_return removed;
  if (mutant("storage.clean_shutdown_not_synced")) co_return Result<>();
  co_return co_await sync_directory(executor, disk, directory);
}

}  // namespace partita::storage
