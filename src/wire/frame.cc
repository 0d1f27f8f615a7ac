#include "wire/frame.h"

#include <limits>

#include "wire/headers.h"

namespace partita::wire {

Result<RequestPrefix> parse_request_prefix(ByteView frame) {
  Reader reader(frame);
  const RequestPrefix prefix{
      .key = reader.int16(), .version = reader.int16(), .correlation_id = reader.int32()};
  if (!reader.ok()) return fail(Errc::malformed, "a request header of less than 8 bytes");
  return prefix;
}

Result<RequestFrame> parse_request(ByteView frame) {
  TRY(const RequestPrefix prefix, parse_request_prefix(frame));
  const ApiInfo* api = find_api(prefix.key);
  if (api == nullptr) {
    return fail(Errc::unsupported_version, "API key " + std::to_string(prefix.key));
  }
  RequestFrame request{.key = api->key,
                       .version = prefix.version,
                       .correlation_id = prefix.correlation_id,
                       .client_id = {},
                       .body = {}};
  if (!api->versions.has(prefix.version)) {
    // Whatever the header of a version to come looks like, this request is to be answered.
    if (api->key == ApiKey::api_versions) return request;
    return std::unexpected(unsupported_version(*api->request, prefix.version));
  }
  const int16_t header_version = request_header_version(api->key, prefix.version);
  TRY(const RequestHeaderView header, RequestHeaderView::decode(frame, header_version));
  request.client_id = header.client_id;
  request.body = frame.last(header.trailing_bytes);
  return request;
}

Result<ResponseFrame> parse_response(ByteView frame, ApiKey key, int16_t version) {
  const int16_t header_version = response_header_version(key, version);
  TRY(const ResponseHeaderView header, ResponseHeaderView::decode(frame, header_version));
  return ResponseFrame{.correlation_id = header.correlation_id,
                       .body = frame.last(header.trailing_bytes)};
}

void write_request_header(Writer& writer, ApiKey key, int16_t version, int32_t correlation_id,
                          const std::optional<std::string>& client_id) {
  writer.int16(static_cast<int16_t>(key));
  writer.int16(version);
  writer.int32(correlation_id);
  writer.nullable_string(client_id, false);
  if (request_header_version(key, version) >= 2) writer.no_tags();
}

void write_response_header(Writer& writer, ApiKey key, int16_t version, int32_t correlation_id) {
  writer.int32(correlation_id);
  if (response_header_version(key, version) >= 1) writer.no_tags();
}

namespace detail {

Result<ByteChain> finish_frame(Writer&& writer) {
  const size_t size = writer.size() - sizeof(int32_t);
  if (size > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return fail(Errc::message_too_large, "a frame of more than 2 GiB");
  }
  writer.patch_int32(0, static_cast<int32_t>(size));
  return std::move(writer).finish();
}

}  // namespace detail
}  // namespace partita::wire
