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

Error malformed_message(const MessageDescriptor& message, int16_t version, size_t size) {
  return {Errc::malformed, words(message, version)
                               .append(" does not fit its ")
                               .append(std::to_string(size))
                               .append(" bytes")};
}

namespace detail {

Bytes own(ByteView view, const Bytes& frame) {
  return frame.empty() ? Bytes::copy_of(view) : frame.slice_of(view);
}

}  // namespace detail
}  // namespace partita::wire
