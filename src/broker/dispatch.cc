#include "broker/dispatch.h"

#include <algorithm>

namespace partita::broker {

Dispatch::Dispatch(HandlerContext context, bool old_versions)
    : context_(std::move(context)), table_(handler_table(old_versions)) {}

Result<rpc::Overlap> Dispatch::admit(wire::ApiKey api_key, int16_t version) const {
  const Handler* handler = find_handler(table_, api_key);
  if (handler == nullptr) {
    return fail(Errc::unsupported_version,
                fmt::format("request {} is not served here", wire::api_name(api_key)));
  }
  // An unknown version of ApiVersions is answered: clients step down from that answer.
  const bool served = version >= handler->first && version <= handler->last;
  if (!served && api_key != wire::ApiKey::api_versions) {
    return fail(Errc::unsupported_version,
                fmt::format("{} version {} is not served, only {} to {}", wire::api_name(api_key),
                            version, handler->first, handler->last));
  }
  return handler->overlap;
}

Task<rpc::Response> Dispatch::handle(rpc::Request request) {
  const Handler* handler = find_handler(table_, request.api_key);
  return handler->handle(context_, std::move(request));
}

const Handler* find_handler(std::span<const Handler> table, wire::ApiKey key) {
  const auto found = std::ranges::lower_bound(table, key, {}, &Handler::key);
  return found != table.end() && found->key == key ? &*found : nullptr;
}

}  // namespace partita::broker
