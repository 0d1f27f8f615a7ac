#pragma once
// Record: one record of the metadata log with the version that it is written in; its frame is
// docs/formats/metadata-log.md.

#include "base/bytes.h"
#include "base/error.h"
#include "wire/metadata_record.h"

namespace partita::metadata {

struct Record {
  wire::MetadataRecord value;
  int16_t version = 0;

  bool operator==(const Record&) const = default;
};

/// Errc::unsupported_version for a kind or version that no schema here has.
Result<Record> decode_record(ByteView frame);
Result<Bytes> encode_record(const Record& record);
/// Kafka's number of the record's kind.
int16_t kind_of(const Record& record);

// The versions that metadata.version 30 (4.3-IV0) writes. Kinds that are not named here have
// version 0 only.
inline constexpr int16_t kRegisterBrokerVersion = 4;
inline constexpr int16_t kPartitionVersion = 2;
inline constexpr int16_t kPartitionChangeVersion = 2;

/// The lowest version that can say what `change` says: what Apache Kafka writes.
int16_t broker_registration_change_version(const wire::BrokerRegistrationChangeRecord& change);

}  // namespace partita::metadata
