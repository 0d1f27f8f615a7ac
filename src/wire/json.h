#pragma once
// Kafka's JSON of a message, as its own converters write it: keys in the order of the schema;
// fields that the version lacks, tagged fields at their default and unknown tags are absent; bytes
// are base64, uuids base64 with - and _; `records` show as "" whatever they hold. Bytes of a string
// that are no UTF-8 show as U+FFFD.

#include <string>

#include "base/error.h"
#include "wire/descriptor.h"

namespace partita::wire {

/// REQUIRED: `body` has been checked (decoded, or check_message()) in this version.
std::string to_json(const StructDescriptor& structure, ByteView body, int16_t version);

/// Checks and converts.
Result<std::string> decode_to_json(const MessageDescriptor& message, ByteView body,
                                   int16_t version);

/// Appends `text` as a JSON string, quotes included.
void append_json_string(std::string& out, std::string_view text);

}  // namespace partita::wire
