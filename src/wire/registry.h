#pragma once
// Messages by name, for tools and tests that meet them as data: dump-log, request logs, golden
// vectors, fuzzing.

#include <span>
#include <string>
#include <string_view>

#include "wire/descriptor.h"

namespace partita::wire {

/// Every message that has a schema, by name.
std::span<const MessageDescriptor* const> all_messages();
/// Null where there is none. Names are Kafka's: "ProduceRequest", "TopicRecord", "OffsetCommitKey".
const MessageDescriptor* find_message(std::string_view name);

/// Kafka's JSON of a body.
Result<std::string> decode_to_json(std::string_view message, int16_t version, ByteView body);
/// Decodes, materialises and encodes: the same bytes again, unless there were unknown tags or
/// trailing bytes.
Result<ByteChain> reencode(std::string_view message, int16_t version, ByteView body);

}  // namespace partita::wire
