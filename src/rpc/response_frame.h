#pragma once
// A message as the frame that goes back.

#include "rpc/request_handler.h"
#include "wire/frame.h"

namespace partita::rpc {

/// Encodes `message` as the answer to `request`. A message that its version cannot carry is a fault
/// of ours and closes the connection.
template <class Message>
Response reply_in(int16_t version, const Request& request, const Message& message) {
  Result<ByteChain> frame = wire::encode_response(message, version, request.correlation_id);
  if (!frame) return Response::closing("cannot encode the response: " + describe(frame.error()));
  return {.frame = std::move(*frame)};
}

template <class Message>
Response reply(const Request& request, const Message& message) {
  return reply_in(request.version, request, message);
}

}  // namespace partita::rpc
