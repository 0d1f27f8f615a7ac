#include "wire/metadata_record.h"

#include <algorithm>
#include <array>
#include <limits>

namespace partita::wire {
namespace {

constexpr uint32_t kFrameVersion = 1;

/// How one alternative of MetadataRecord is known and decoded.
struct Alternative {
  const MessageDescriptor* descriptor;
  Result<MetadataRecord> (*decode)(ByteView body, int16_t version);
};

template <class Record>
Result<MetadataRecord> decode_as(ByteView body, int16_t version) {
  TRY(const typename Record::View view, Record::View::decode(body, version));
  return materialise(view);
}

template <class... Records>
const std::array<Alternative, sizeof...(Records)>& alternatives(const std::variant<Records...>*) {
  static const std::array<Alternative, sizeof...(Records)> kAll = {
      Alternative{&Records::descriptor(), &decode_as<Records>}...};
  return kAll;
}

const Alternative* find_alternative(int16_t key) {
  for (const Alternative& each : alternatives(static_cast<const MetadataRecord*>(nullptr))) {
    if (each.descriptor->key == key) return &each;
  }
  return nullptr;
}

}  // namespace

Result<MetadataFrame> parse_metadata_frame(ByteView value) {
  Reader reader(value);
  const uint32_t frame_version = reader.uvarint();
  const uint32_t key = reader.uvarint();
  const uint32_t version = reader.uvarint();
  constexpr uint32_t kMax = std::numeric_limits<int16_t>::max();
  if (!reader.ok() || key > kMax || version > kMax) {
    return fail(Errc::malformed, "no frame of a metadata record");
  }
  if (frame_version != kFrameVersion) {
    return fail(Errc::malformed, "metadata frame version " + std::to_string(frame_version));
  }
  return MetadataFrame{.key = static_cast<int16_t>(key),
                       .version = static_cast<int16_t>(version),
                       .body = value.last(reader.remaining())};
}

Result<MetadataRecord> decode_metadata_record(ByteView value) {
  TRY(const MetadataFrame frame, parse_metadata_frame(value));
  const Alternative* found = find_alternative(frame.key);
  if (found == nullptr) {
    return fail(Errc::unsupported_version, "metadata record " + std::to_string(frame.key));
  }
  return found->decode(frame.body, frame.version);
}

Result<ByteChain> encode_metadata_record(const MetadataRecord& record, int16_t version) {
  return std::visit([&](const auto& each) { return encode_metadata(each, version); }, record);
}

const MessageDescriptor* find_metadata_record(int16_t key) {
  const Alternative* found = find_alternative(key);
  return found == nullptr ? nullptr : found->descriptor;
}

}  // namespace partita::wire
