#include "metadata/record.h"

namespace partita::metadata {

Result<Record> decode_record(ByteView frame) {
  TRY(const wire::MetadataFrame parsed, wire::parse_metadata_frame(frame));
  TRY(wire::MetadataRecord value, wire::decode_metadata_record(frame));
  return Record{std::move(value), parsed.version};
}

Result<Bytes> encode_record(const Record& record) {
  TRY(const ByteChain chain, wire::encode_metadata_record(record.value, record.version));
  if (chain.size() == 1) return chain.front();
  Buffer joined(chain_size(chain));
  for (const Bytes& part : chain) joined.append(part.view());
  return std::move(joined).freeze();
}

int16_t kind_of(const Record& record) {
  return std::visit([](const auto& value) { return value.descriptor().key; }, record.value);
}

int16_t broker_registration_change_version(const wire::BrokerRegistrationChangeRecord& change) {
  if (change.cordoned_log_dirs) return 3;
  if (!change.log_dirs.empty()) return 2;
  return change.in_controlled_shutdown != 0 ? 1 : 0;
}

}  // namespace partita::metadata
