#pragma once
// What all generated messages share. Each message XxxRequest has two forms:
//   XxxRequestView  borrows from the frame; XxxRequestView::decode(body, version) checks the whole
//   message once. XxxRequest      owns its fields, with Kafka's defaults; encode(writer, version),
//   materialise(view).
//
// Invariants:
//  1. A view is valid as long as the frame's bytes are; it holds no memory of its own.
//  2. A field that the version lacks decodes to its default. Encoding refuses to lose one that is
//     set, unless Kafka calls it ignorable.
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

/// Decodes, materialises and encodes: the same bytes, unless there were unknown tags or trailing
/// bytes.
Result<ByteChain> reencode(const MessageDescriptor& message, ByteView body, int16_t version);

// What generated code calls.
namespace detail {

/// Ends decoding: the error if there was one, else fills `view` in.
Result<> finish_decode(const Reader& reader, const MessageDescriptor& message, ByteView body,
                       int16_t version, MessageView& view);

/// Whether the version has a schema; an error of `writer` if not.
bool can_encode(Writer& writer, const MessageDescriptor& message, int16_t version);

/// `view` owned: a slice of `frame` where that is given, else a copy.
Bytes own(ByteView view, const Bytes& frame);
inline ByteChain own_records(ByteView view, const Bytes& frame) {
  if (view.empty()) return {};
  return {own(view, frame)};
}

/// fill(owned, view, frame) is generated for every struct.
template <class Owned, class View>
void own_array(std::vector<Owned>& owned, const ArrayView<View>& array, const Bytes& frame) {
  owned = std::vector<Owned>(array.size());
  Reader reader = array.reader();
  for (Owned& to : owned) fill(to, View::read(reader, array.version()), frame);
}
template <class T>
void own_array(std::vector<T>& owned, const ArrayView<T>& array) {
  owned = array.to_vector();
}
void own_array(std::vector<std::string>& owned, const ArrayView<std::string_view>& array);

}  // namespace detail
}  // namespace partita::wire
