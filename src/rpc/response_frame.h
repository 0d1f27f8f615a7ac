#pragma once
// A message as the frame that goes back: size, response header, body.

#include "rpc/request_handler.h"
#include "wire/api_key.h"
#include "wire/writer.h"

namespace partita::rpc {

/// Encodes `message` as the answer to `request`. A message that its version cannot carry is a fault
/// of ours and closes the connection.
template <class Message>
Response reply(const Request& request, const Message& message) {
  wire::Writer writer;
  writer.int32(0);
  writer.int32(request.correlation_id);
  if (wire::response_header_version(request.api_key, request.version) > 0) writer.no_tags();
  if (const Result<> encoded = message.encode(writer, request.version); !encoded) {
    return Response::closing("cannot encode the response: " + describe(encoded.error()));
  }
  writer.patch_int32(0, static_cast<int32_t>(writer.size() - sizeof(int32_t)));
  Result<ByteChain> frame = std::move(writer).finish();
  if (!frame) return Response::closing("cannot encode the response: " + describe(frame.error()));
  return {.frame = std::move(*frame)};
}

}  // namespace partita::rpc
