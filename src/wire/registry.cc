#include "wire/registry.h"

#include <algorithm>

#include "wire/message.h"

namespace partita::wire {
namespace {

Result<const MessageDescriptor*> need_message(std::string_view name) {
  const MessageDescriptor* message = find_message(name);
  if (message == nullptr) return fail(Errc::not_found, "no message " + std::string(name));
  return message;
}

}  // namespace

const MessageDescriptor* find_message(std::string_view name) {
  const auto all = all_messages();
  const auto found = std::ranges::lower_bound(all, name, {}, &MessageDescriptor::name);
  return found != all.end() && (*found)->name == name ? *found : nullptr;
}

Result<std::string> decode_to_json(std::string_view message, int16_t version, ByteView body) {
  TRY(const MessageDescriptor* descriptor, need_message(message));
  return decode_to_json(*descriptor, body, version);
}

Result<ByteChain> reencode(std::string_view message, int16_t version, ByteView body) {
  TRY(const MessageDescriptor* descriptor, need_message(message));
  return reencode(*descriptor, body, version);
}

}  // namespace partita::wire
