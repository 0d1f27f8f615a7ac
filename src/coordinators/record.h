#pragma once
// Records of __consumer_offsets and __transaction_state. A key begins with an int16 that says which
// kind of record it is (the schema's number), a value with its schema's version. Kafka's
// CoordinatorRecord.

#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "base/ids.h"
#include "wire/message.h"

namespace partita::coordinators {

struct CoordinatorRecord {
  Bytes key;
  std::optional<Bytes> value;  ///< nothing: a tombstone
  bool operator==(const CoordinatorRecord&) const = default;
};

/// The chain's bytes in one piece; without a copy where it is one piece already.
Bytes join(ByteChain chain);

/// An int16, then the message in that version. REQUIRED: the version can hold what is set, and
/// strings are short enough for it (what came in a request is).
template <class Message>
Bytes encode_behind(int16_t prefix, const Message& message, int16_t version) {
  wire::Writer writer;
  writer.int16(prefix);
  CHECK(message.encode(writer, version).has_value());
  return join(*std::move(writer).finish());
}
template <class Key>
Bytes encode_key(const Key& key) {
  return encode_behind(Key::descriptor().key, key, 0);
}
template <class Value>
Bytes encode_value(const Value& value, int16_t version) {
  return encode_behind(version, value, version);
}
template <class Key, class Value>
CoordinatorRecord record_of(const Key& key, const Value& value, int16_t version) {
  return {.key = encode_key(key), .value = encode_value(value, version)};
}
template <class Key>
CoordinatorRecord tombstone_of(const Key& key) {
  return {.key = encode_key(key), .value = std::nullopt};
}

struct Numbered {
  int16_t number = 0;  ///< of a key: the kind of record; of a value: its version
  ByteView body;
};
/// Errc::malformed for less than two bytes.
Result<Numbered> parse_numbered(ByteView bytes);

/// The body of a key whose kind has been looked at.
template <class KeyView>
Result<KeyView> decode_key(const Numbered& key) {
  return KeyView::decode(key.body, 0);
}
/// Errc::malformed for bytes that are no such value, unsupported_version for a version without a
/// schema.
template <class ValueView>
Result<ValueView> decode_value(ByteView bytes) {
  TRY(const Numbered value, parse_numbered(bytes));
  return ValueView::decode(value.body, value.number);
}

/// Which of `partition_count` partitions keeps the state of a group or a transactional id: Kafka's
/// abs(String.hashCode) % count, over UTF-16 units. REQUIRED: partition_count > 0.
PartitionIndex partition_for_key(std::string_view id, int32_t partition_count);

}  // namespace partita::coordinators
