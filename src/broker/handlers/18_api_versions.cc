// ApiVersions: what is served, straight from the handler table; the features that are finalized and
// served. An unknown version is answered in version 0 with error 35 and ApiVersions' own range:
// every client steps down from that.

#include <algorithm>

#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/api_versions.h"

namespace partita::broker {
namespace {

wire::ApiVersionsResponse::ApiVersion range_of(const Handler& handler) {
  return {.api_key = static_cast<int16_t>(handler.key),
          .min_version = handler.listed_from,
          .max_version = handler.last};
}

rpc::Response step_down(const HandlerContext& context, const rpc::Request& request) {
  const auto table = handler_table(context.services.settings.old_versions);
  wire::ApiVersionsResponse response;
  response.error_code = wire::error_code(Errc::unsupported_version);
  response.api_keys.push_back(range_of(*find_handler(table, request.api_key)));
  return rpc::reply_in(0, request, response);
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Kafka's [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?
bool is_legal_software_name(std::string_view name) {
  if (name.empty() || !is_name_character(name.front()) || !is_name_character(name.back())) {
    return false;
  }
  return std::ranges::all_of(name,
                             [](char c) { return is_name_character(c) || c == '-' || c == '.'; });
}

/// A feature that is served here, and up to which level. Features that the log finalizes but that
/// nothing here serves stay out of the answer, so that clients do not count on them.
struct ServedFeature {
  std::string_view name;
  int16_t level_max;
};
constexpr ServedFeature kServedFeatures[] = {
    {"group.version", 1},
    {"transaction.version", 2},
};

/// `version`: the request's. Older clients cannot read a range that begins with 0.
void add_features(const HandlerContext& context, int16_t version,
                  wire::ApiVersionsResponse& response) {
  constexpr int16_t kFirstWithZero = 4;
  const metadata::Image& image = *context.here.image();
  const int16_t level = image.metadata_version();
  if (level < 0) return;
  response.finalized_features_epoch = image.end_offset().value() - 1;
  response.supported_features.push_back(
      {.name = "metadata.version", .min_version = 7, .max_version = level});
  response.finalized_features.push_back(
      {.name = "metadata.version", .max_version_level = level, .min_version_level = level});
  for (const ServedFeature& feature : kServedFeatures) {
    const std::string name(feature.name);
    if (version >= kFirstWithZero) {
      response.supported_features.push_back(
          {.name = name, .min_version = 0, .max_version = feature.level_max});
    }
    const auto finalized = image.features().find(name);
    if (finalized == image.features().end()) continue;
    const int16_t served = std::min(finalized->second, feature.level_max);
    if (served < 1) continue;
    response.finalized_features.push_back(
        {.name = name, .max_version_level = served, .min_version_level = served});
  }
}

}  // namespace

Task<rpc::Response> handle_api_versions(HandlerContext& context, rpc::Request request) {
  const auto table = handler_table(context.services.settings.old_versions);
  if (request.version > find_handler(table, request.api_key)->last || request.version < 0) {
    co_return step_down(context, request);
  }
  const auto body = wire::ApiVersionsRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  wire::ApiVersionsResponse response;
  constexpr int16_t kFirstWithSoftware = 3;
  if (request.version >= kFirstWithSoftware) {
    if (!is_legal_software_name(body->client_software_name) ||
        !is_legal_software_name(body->client_software_version)) {
      response.error_code = wire::error_code(Errc::invalid_request);
      co_return rpc::reply(request, response);
    }
    request.connection->client_software_name = body->client_software_name;
    request.connection->client_software_version = body->client_software_version;
  }
  for (const Handler& handler : table) response.api_keys.push_back(range_of(handler));
  add_features(context, request.version, response);
  co_return rpc::reply(request, response);
}

rpc::Response close_malformed(const rpc::Request& request, const Error& error) {
  return rpc::Response::closing(fmt::format("malformed {} request, version {}: {}",
                                            wire::api_name(request.api_key), request.version,
                                            error.detail));
}

}  // namespace partita::broker
