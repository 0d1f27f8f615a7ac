#include "wire/message.h"

namespace partita::wire {
namespace {

std::string words(const MessageDescriptor& message, int16_t version) {
  return std::string(message.name).append(" version ").append(std::to_string(version));
}

}  // namespace

Error unsupported_version(const MessageDescriptor& message, int16_t version) {
  return {Errc::unsupported_version, words(message, version)};
}

Result<ByteChain> reencode(const MessageDescriptor& message, ByteView body, int16_t version) {
  if (!message.versions.has(version)) return std::unexpected(unsupported_version(message, version));
  Reader reader(body);
  Writer writer;
  message.recode(reader, version, writer);
  MessageView view;
  CHECKED(detail::finish_decode(reader, message, body, version, view));
  return std::move(writer).finish();
}

namespace detail {

Result<> finish_decode(const Reader& reader, const MessageDescriptor& message, ByteView body,
                       int16_t version, MessageView& view) {
  if (!message.versions.has(version)) return std::unexpected(unsupported_version(message, version));
  if (!reader.ok()) {
    return fail(Errc::malformed, words(message, version)
                                     .append(" does not fit its ")
                                     .append(std::to_string(body.size()))
                                     .append(" bytes"));
  }
  view.trailing_bytes = reader.remaining();
  view.body = body.first(body.size() - view.trailing_bytes);
  view.version = version;
  return {};
}

bool can_encode(Writer& writer, const MessageDescriptor& message, int16_t version) {
  if (message.versions.has(version)) return true;
  writer.fail(Errc::unsupported_version, message.name.data());
  return false;
}

Bytes own(ByteView view, const Bytes& frame) {
  return frame.empty() ? Bytes::copy_of(view) : frame.slice_of(view);
}

void own_array(std::vector<std::string>& owned, const ArrayView<std::string_view>& array) {
  owned.clear();
  owned.reserve(array.size());
  for (const std::string_view element : array) owned.emplace_back(element);
}

}  // namespace detail
}  // namespace partita::wire
