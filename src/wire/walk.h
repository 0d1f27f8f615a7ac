#pragma once
// Checks a message against its table, in one pass that allocates nothing: every length, count,
// null, tag and nested struct. What passed can be iterated later without a way to fail.
//
// Bounds (each makes the message malformed): an array's count times its element's least size within
// the rest of the frame; tags rising strictly, of exactly their announced size, at most
// kUnknownTagsMax unknown ones a struct; nothing null that the version forbids. Bytes behind the
// message are no error here.

#include "wire/descriptor.h"
#include "wire/tag_reader.h"

namespace partita::wire {

/// Moves `reader` past one struct, or makes it fail.
void walk_struct(Reader& reader, const StructDescriptor& structure, int16_t version);

/// Moves `reader` past the value of a plain or tagged field that is present in `version`, or makes
/// it fail.
void walk_field(Reader& reader, const StructDescriptor& owner, const FieldDescriptor& field,
                int16_t version);

/// Moves `reader` past `count` structs of an array, or makes it fail.
void walk_structs(Reader& reader, const StructDescriptor& structure, size_t count, int16_t version);

/// Whether `count` elements of at least `size_min` bytes fit into the rest of the frame; fails the
/// reader if not.
bool elements_fit(Reader& reader, size_t count, size_t size_min);

/// Answers how many bytes of `body` the message takes.
Result<size_t> check_message(const MessageDescriptor& message, ByteView body, int16_t version);

}  // namespace partita::wire
