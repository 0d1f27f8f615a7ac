#include "storage/meta_properties.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "base/log.h"
#include "base/properties.h"

namespace partita::storage {
namespace {

constexpr std::string_view kVersionKey = "version";
constexpr std::string_view kNodeIdKey = "node.id";
constexpr std::string_view kBrokerIdKey = "broker.id";
constexpr std::string_view kClusterIdKey = "cluster.id";
constexpr std::string_view kDirectoryIdKey = "directory.id";

Error bad(std::string_view key, std::string_view value) {
  return {Errc::corrupt_data,
          fmt::format("{} has a bad {}: {}", kMetaPropertiesFile, key, quoted(value))};
}

Result<std::optional<int32_t>> number(const Properties& all, std::string_view key) {
  const std::string* text = all.find(key);
  if (text == nullptr) return std::nullopt;
  int32_t value = -1;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < 0) {
    return std::unexpected(bad(key, *text));
  }
  return value;
}

/// As Java prints a date: "Sun Nov 22 04:35:44 UTC 2026".
std::string date(WallTime now) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::chrono::sys_time<std::chrono::milliseconds> at{std::chrono::milliseconds(now.ms())};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day calendar(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - day));
  return fmt::format(
      "{} {} {:02} {:02}:{:02}:{:02} UTC {}", kDays[std::chrono::weekday(day).c_encoding()],
      kMonths[static_cast<unsigned>(calendar.month()) - 1], static_cast<unsigned>(calendar.day()),
      time.hours().count(), time.minutes().count(), time.seconds().count(),
      static_cast<int>(calendar.year()));
}

Result<> read_directory_id(const Properties& all, MetaProperties& out) {
  const std::string* text = all.find(kDirectoryIdKey);
  if (text == nullptr) return {};
  out.directory_id = DirectoryId::parse(*text);
  if (!out.directory_id || out.directory_id->is_zero()) {
    return std::unexpected(bad(kDirectoryIdKey, *text));
  }
  return {};
}

}  // namespace

Bytes encode_meta_properties(const MetaProperties& properties, WallTime now) {
  Properties out;
  if (properties.node_id) {
    out.set(properties.version == 0 ? kBrokerIdKey : kNodeIdKey,
            std::to_string(properties.node_id->value()));
  }
  if (properties.directory_id) out.set(kDirectoryIdKey, properties.directory_id->to_string());
  out.set(kVersionKey, std::to_string(properties.version));
  if (!properties.cluster_id.empty()) out.set(kClusterIdKey, properties.cluster_id);
  return Bytes::copy_of("#\n#" + date(now) + "\n" + out.write());
}

Result<MetaProperties> decode_meta_properties(ByteView bytes) {
  Result<Properties> parsed = Properties::parse(bytes);
  if (!parsed) return fail(Errc::corrupt_data, parsed.error().detail);
  MetaProperties out;
  TRY(const std::optional<int32_t> version, number(*parsed, kVersionKey));
  out.version = version.value_or(0);
  if (out.version > 1) return std::unexpected(bad(kVersionKey, std::to_string(out.version)));
  TRY(const std::optional<int32_t> node,
      number(*parsed, out.version == 0 ? kBrokerIdKey : kNodeIdKey));
  if (node) out.node_id = NodeId(*node);
  if (const std::string* id = parsed->find(kClusterIdKey)) out.cluster_id = *id;
  CHECKED(read_directory_id(*parsed, out));
  if (out.version == 1 && !out.node_id) return std::unexpected(bad(kNodeIdKey, ""));
  if (out.version == 1 && out.cluster_id.empty()) return std::unexpected(bad(kClusterIdKey, ""));
  return out;
}

}  // namespace partita::storage
