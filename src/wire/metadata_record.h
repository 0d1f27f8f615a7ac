#pragma once
// The value of a record in the metadata log: unsigned varints 1 (frame version), the record's key
// and version, then the body.

#include "wire/message.h"
#include "wire/metadata/any_record.h"

namespace partita::wire {

struct MetadataFrame {
  int16_t key = 0;  ///< names the record's type
  int16_t version = 0;
  ByteView body;
};

/// Errc::malformed for bytes that are no frame; keys and versions are not judged.
Result<MetadataFrame> parse_metadata_frame(ByteView value);

/// Errc::unsupported_version for a key or version that we have no schema for.
Result<MetadataRecord> decode_metadata_record(ByteView value);
Result<ByteChain> encode_metadata_record(const MetadataRecord& record, int16_t version);

/// One of a known type, without the detour over the variant.
template <class Record>
Result<ByteChain> encode_metadata(const Record& record, int16_t version) {
  Writer writer;
  writer.uvarint(1);
  writer.uvarint(static_cast<uint32_t>(Record::descriptor().key));
  writer.uvarint(static_cast<uint32_t>(version));
  CHECKED(record.encode(writer, version));
  return std::move(writer).finish();
}

/// The descriptor by key, null where there is none; for dump-log.
const MessageDescriptor* find_metadata_record(int16_t key);

}  // namespace partita::wire
