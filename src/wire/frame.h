#pragma once
// Whole requests and responses: the 4-byte length, the header in the version that the API and its
// version call for, then the body.
//
// Invariants:
//  1. A frame passed to parse_*() is without its length; what comes back borrows from it.
//  2. What encode_*() answers begins with the length and is ready for a gather write.

#include <string_view>

#include "wire/api_key.h"
#include "wire/message.h"

namespace partita::wire {

struct RequestFrame {
  ApiKey key;
  int16_t version = 0;
  int32_t correlation_id = 0;
  std::optional<std::string_view> client_id;
  ByteView body;
};

/// The first 8 bytes of every request header, which no version changes.
struct RequestPrefix {
  int16_t key = 0;
  int16_t version = 0;
  int32_t correlation_id = 0;
};
Result<RequestPrefix> parse_request_prefix(ByteView frame);

/// Errc::malformed for bytes that are no header, Errc::unsupported_version for a key or version
/// without a schema; an ApiVersions request of an unknown version passes with an empty body,
/// because it is to be answered.
Result<RequestFrame> parse_request(ByteView frame);

struct ResponseFrame {
  int32_t correlation_id = 0;
  ByteView body;
};
/// `key` and `version` are those of the request that is answered.
Result<ResponseFrame> parse_response(ByteView frame, ApiKey key, int16_t version);

void write_request_header(Writer& writer, ApiKey key, int16_t version, int32_t correlation_id,
                          const std::optional<std::string>& client_id);
void write_response_header(Writer& writer, ApiKey key, int16_t version, int32_t correlation_id);

namespace detail {
/// Fills in the length at the front and ends the writer.
Result<ByteChain> finish_frame(Writer&& writer);
}  // namespace detail

template <class Request>
Result<ByteChain> encode_request(const Request& request, int16_t version, int32_t correlation_id,
                                 const std::optional<std::string>& client_id) {
  Writer writer;
  writer.int32(0);
  const auto key = static_cast<ApiKey>(Request::descriptor().key);
  write_request_header(writer, key, version, correlation_id, client_id);
  CHECKED(request.encode(writer, version));
  return detail::finish_frame(std::move(writer));
}

/// `version` is the request's; for ApiVersions above our range pass 0.
template <class Response>
Result<ByteChain> encode_response(const Response& response, int16_t version,
                                  int32_t correlation_id) {
  Writer writer;
  writer.int32(0);
  const auto key = static_cast<ApiKey>(Response::descriptor().key);
  write_response_header(writer, key, version, correlation_id);
  CHECKED(response.encode(writer, version));
  return detail::finish_frame(std::move(writer));
}

}  // namespace partita::wire
