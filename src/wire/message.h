#pragma once
// What all generated messages share. Each message XxxRequest has two forms:
//   XxxRequestView  borrows from the frame; XxxRequestView::decode(body, version) checks the whole
//   message once. XxxRequest      owns its fields, with Kafka's defaults; encode(writer, version),
//   materialise(view).
//
// Invariants:
//  1. A view is valid as long as the frame's bytes are; it holds no memory of its own.
//  2. A field that the version lacks decodes to its default. Encoding refuses to lose one that is
//  set, unless Kafka
//     calls it ignorable.
//  3. Bytes behind the message are accepted and counted in trailing_bytes.

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "wire/array_view.h"
#include "wire/descriptor.h"
#include "wire/json.h"
#include "wire/tag_reader.h"
#include "wire/writer.h"

namespace partita::wire {

/// Where a decoded message came from.
struct MessageView {
  ByteView body;  ///< the message's own bytes
  int16_t version = 0;
  size_t trailing_bytes = 0;
};

Error unsupported_version(const MessageDescriptor& message, int16_t version);
Error malformed_message(const MessageDescriptor& message, int16_t version, size_t size);

/// Kafka's JSON of a decoded message.
template <class View>
  requires std::is_base_of_v<MessageView, View>
std::string to_json(const View& view) {
  return to_json(*View::descriptor().root, view.body, view.version);
}

/// Encodes into a chain of its own, without any header.
template <class Message>
Result<ByteChain> encode_body(const Message& message, int16_t version) {
  Writer writer;
  CHECKED(message.encode(writer, version));
  return std::move(writer).finish();
}

// What generated code calls.
namespace detail {

template <class View>
Result<View> decode_message(ByteView body, int16_t version) {
  const MessageDescriptor& message = View::descriptor();
  if (!message.versions.has(version)) return std::unexpected(unsupported_version(message, version));
  Reader reader(body);
  View view = View::read(reader, version);
  if (!reader.ok()) return std::unexpected(malformed_message(message, version, body.size()));
  view.trailing_bytes = reader.remaining();
  view.body = body.first(body.size() - view.trailing_bytes);
  view.version = version;
  return view;
}

template <class View>
Result<ByteChain> reencode(ByteView body, int16_t version) {
  TRY(const View view, View::decode(body, version));
  const auto owned = materialise(view);
  return encode_body(owned, version);
}

/// `view` owned: a slice of `frame` where that is given, else a copy.
Bytes own(ByteView view, const Bytes& frame);
inline ByteChain own_records(ByteView view, const Bytes& frame) {
  if (view.empty()) return {};
  return {own(view, frame)};
}

template <class View, class Make>
auto own_array(const ArrayView<View>& array, Make make) {
  std::vector<decltype(make(std::declval<const View&>()))> all;
  all.reserve(array.size());
  for (const View& element : array) all.push_back(make(element));
  return all;
}

}  // namespace detail
}  // namespace partita::wire
