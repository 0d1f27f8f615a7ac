// FindCoordinator: listed because librdkafka sends lz4 only to brokers that list it. No coordinator
// runs here: clients are told to try again later.

#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/find_coordinator.h"

namespace partita::broker {
namespace {

constexpr const char* kWords = "The coordinator is not available.";

}  // namespace

Task<rpc::Response> handle_find_coordinator(HandlerContext& context, rpc::Request request) {
  const auto body = wire::FindCoordinatorRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  context.log.info("{} asks for a coordinator, which is not served", quoted(request.client_id));
  const int16_t error = wire::error_code(Errc::coordinator_not_available);
  wire::FindCoordinatorResponse response;
  constexpr int16_t kFirstBatched = 4;
  if (request.version < kFirstBatched) {
    response.error_code = error;
    response.error_message = kWords;
    response.node_id = -1;
    response.port = -1;
    co_return rpc::reply(request, response);
  }
  for (const std::string_view key : body->coordinator_keys) {
    response.coordinators.push_back({.key = std::string(key),
                                     .node_id = -1,
                                     .port = -1,
                                     .error_code = error,
                                     .error_message = kWords});
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
