#include "wire/api_key.h"

#include <algorithm>

#include "base/check.h"

namespace partita::wire {

const ApiInfo* find_api(int16_t key) {
  const std::span<const ApiInfo> apis = all_apis();
  const auto number = [](const ApiInfo& api) { return static_cast<int16_t>(api.key); };
  const auto found = std::ranges::lower_bound(apis, key, {}, number);
  return found != apis.end() && number(*found) == key ? &*found : nullptr;
}

const ApiInfo& api_info(ApiKey key) {
  const ApiInfo* api = find_api(static_cast<int16_t>(key));
  CHECK(api != nullptr);
  return *api;
}

std::string_view api_name(ApiKey key) {
  const ApiInfo* api = find_api(static_cast<int16_t>(key));
  return api == nullptr ? "unknown" : api->name;
}

int16_t request_header_version(ApiKey key, int16_t version) {
  return version >= api_info(key).flexible_from ? 2 : 1;
}

int16_t response_header_version(ApiKey key, int16_t version) {
  // A client that does not know the broker yet must be able to read this answer's header.
  if (key == ApiKey::api_versions) return 0;
  return version >= api_info(key).flexible_from ? 1 : 0;
}

}  // namespace partita::wire
