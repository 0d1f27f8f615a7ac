#pragma once
// Dispatch: from a request's key and version to its handler. One per shard.

#include "broker/handler_table.h"
#include "rpc/request_handler.h"

namespace partita::broker {

class Dispatch final : public rpc::RequestHandler {
 public:
  Dispatch(HandlerContext context, bool old_versions);

  Result<rpc::Overlap> admit(wire::ApiKey api_key, int16_t version) const override;
  Task<rpc::Response> handle(rpc::Request request) override;

 private:
  HandlerContext context_;
  std::span<const Handler> table_;
};

}  // namespace partita::broker
