#include "cli/coordinator_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "wire/registry.h"

namespace partita::cli {
namespace {

using Json = nlohmann::ordered_json;

/// A number of two bytes, and what follows it.
struct Numbered {
  int16_t number;
  ByteView body;
};

std::optional<Numbered> split(ByteView bytes) {
  if (bytes.size() < sizeof(int16_t)) return std::nullopt;
  return Numbered{load_be<int16_t>(bytes.data()), bytes.subspan(sizeof(int16_t))};
}

CoordinatorLog log_of(std::string_view key_name) {
  if (key_name.starts_with("TransactionLog")) return CoordinatorLog::transactions;
  if (key_name == "ShareSnapshotKey" || key_name == "ShareUpdateKey") {
    return CoordinatorLog::share_state;
  }
  return CoordinatorLog::offsets;
}

/// "OffsetCommit" for 1; empty for a kind that nobody knows.
std::string_view kind_of(CoordinatorLog log, int16_t number) {
  constexpr std::string_view kKey = "Key";
  for (const wire::MessageDescriptor* each : wire::all_messages()) {
    const std::string_view name = each->name;
    if (!name.ends_with(kKey) || each->key != number || log_of(name) != log) continue;
    return name.substr(0, name.size() - kKey.size());
  }
  return {};
}

/// What a member wrote, instead of its bytes.
void open_bytes(Json& member, const char* field, std::string_view message) {
  const auto at = member.find(field);
  if (at == member.end() || !at->is_string()) return;
  const auto bytes = base64_decode(at->get<std::string>(), Base64::padded);
  const auto versioned = bytes ? split(ByteView(*bytes)) : std::nullopt;
  if (!versioned) return;
  const auto text = wire::decode_to_json(message, versioned->number, versioned->body);
  if (text) *at = Json::parse(*text, nullptr, false);
}

std::string value_data(std::string_view kind, std::string data) {
  if (kind != "GroupMetadata") return data;
  Json json = Json::parse(data, nullptr, false);
  if (json.is_discarded() || json.value("protocolType", "") != "consumer") return data;
  if (!json.contains("members") || !json["members"].is_array()) return data;
  for (Json& member : json["members"]) {
    open_bytes(member, "subscription", "ConsumerProtocolSubscription");
    open_bytes(member, "assignment", "ConsumerProtocolAssignment");
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string error_text(int64_t offset, std::string_view why) {
  return fmt::format(" key: Error at offset {}, skipping. {}", offset, why);
}

}  // namespace

std::string coordinator_text(CoordinatorLog log, const records::Record& record, int64_t offset) {
  const auto key = record.key ? split(*record.key) : std::nullopt;
  if (!key) return error_text(offset, "It has no key.");
  const std::string_view kind = kind_of(log, key->number);
  if (kind.empty()) {
    return fmt::format(" key: Unknown record type {} at offset {}, skipping.", key->number, offset);
  }
  const auto key_data = wire::decode_to_json(fmt::format("{}Key", kind), 0, key->body);
  if (!key_data) return error_text(offset, describe(key_data.error()));
  std::string text = fmt::format(" key: {{\"type\":\"{}\",\"data\":{}}}", key->number, *key_data);
  if (!record.value) return text + " payload: <DELETE>";
  const auto value = split(*record.value);
  if (!value) return error_text(offset, "Its value has no version.");
  const auto data = wire::decode_to_json(fmt::format("{}Value", kind), value->number, value->body);
  if (!data) return error_text(offset, describe(data.error()));
  return text + fmt::format(" payload: {{\"version\":\"{}\",\"data\":{}}}", value->number,
                            value_data(kind, *data));
}

}  // namespace partita::cli
