#include "storage/partition_metadata.h"

#include <string>

#include "base/log.h"

namespace partita::storage {
namespace {

constexpr std::string_view kVersionLine = "version: 0\n";
constexpr std::string_view kTopicIdKey = "topic_id: ";

}  // namespace

Bytes encode_partition_metadata(TopicId topic_id) {
  return Bytes::copy_of(std::string(kVersionLine) + std::string(kTopicIdKey) +
                        topic_id.to_string());
}

Result<TopicId> decode_partition_metadata(ByteView bytes) {
  std::string_view text = as_text(bytes);
  if (!text.starts_with(kVersionLine)) {
    return fail(Errc::corrupt_data, "partition.metadata is not of version 0: " + quoted(text));
  }
  text.remove_prefix(kVersionLine.size());
  if (!text.starts_with(kTopicIdKey)) {
    return fail(Errc::corrupt_data, "partition.metadata has no topic id");
  }
  text.remove_prefix(kTopicIdKey.size());
  if (text.ends_with('\n')) text.remove_suffix(1);
  const std::optional<TopicId> id = TopicId::parse(text);
  if (!id || id->is_zero()) {
    return fail(Errc::corrupt_data, "invalid topic id in partition.metadata: " + quoted(text));
  }
  return *id;
}

}  // namespace partita::storage
