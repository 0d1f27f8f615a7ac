#include "cli/log_dump_text.h"

#include <fmt/format.h>

#include "records/control.h"
#include "wire/metadata_record.h"
#include "wire/registry.h"

namespace partita::cli {
namespace {

std::string_view timestamp_name(const records::BatchView& batch) {
  if (batch.max_timestamp() == kNoTimestamp) return "NO_TIMESTAMP_TYPE";
  return batch.attributes().timestamp_type() == records::TimestampType::log_append_time
             ? "LogAppendTime"
             : "CreateTime";
}

std::string codec_text(const records::BatchView& batch) {
  const auto codec = batch.attributes().codec();
  return codec ? std::string(records::codec_name(*codec)) : "unknown";
}

/// "TopicRecord" -> "TOPIC_RECORD", as Kafka names the types of metadata records.
std::string type_name(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !text.empty()) text += '_';
    text += upper || c < 'a' ? c : static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::string metadata_text(ByteView value, int64_t offset) {
  const auto frame = wire::parse_metadata_frame(value);
  const wire::MessageDescriptor* type = frame ? wire::find_metadata_record(frame->key) : nullptr;
  if (type != nullptr) {
    if (const auto json = wire::decode_to_json(*type, frame->body, frame->version)) {
      return fmt::format("{{\"type\":\"{}\",\"version\":{},\"data\":{}}}", type_name(type->name),
                         frame->version, *json);
    }
  }
  return fmt::format("Error at {}, skipping. {}", offset,
                     frame ? "Unknown record" : describe(frame.error()));
}

/// A control record's value whose first field is its version.
std::string control_json(std::string_view message, const records::Record& record) {
  if (!record.value || record.value->size() < 2) return "{}";
  const auto version = load_be<int16_t>(record.value->data());
  const auto json = wire::decode_to_json(message, version, *record.value);
  return json ? *json : describe(json.error());
}

std::string control_text(const records::Record& record) {
  const auto type = records::decode_control_key(record.key.value_or(ByteView()));
  if (!type) return " " + describe(type.error());
  switch (*type) {
    case records::ControlType::abort:
    case records::ControlType::commit: {
      const auto epoch = records::decode_end_txn_marker(record.value.value_or(ByteView()));
      return fmt::format(" endTxnMarker: {} coordinatorEpoch: {}",
                         *type == records::ControlType::abort ? "ABORT" : "COMMIT",
                         epoch ? std::to_string(*epoch) : describe(epoch.error()));
    }
    case records::ControlType::leader_change:
      return " LeaderChange: " + control_json("LeaderChangeMessage", record);
    case records::ControlType::snapshot_header:
      return " SnapshotHeader " + control_json("SnapshotHeaderRecord", record);
    case records::ControlType::snapshot_footer:
      return " SnapshotFooter " + control_json("SnapshotFooterRecord", record);
    case records::ControlType::kraft_version:
      return " KRaftVersion " + control_json("KRaftVersionRecord", record);
    case records::ControlType::kraft_voters:
      return " KRaftVoters " + control_json("VotersRecord", record);
  }
  return fmt::format(" controlType: UNKNOWN({})", static_cast<int16_t>(*type));
}

}  // namespace

std::string batch_line(const records::BatchView& batch, uint64_t position) {
  const auto horizon = batch.delete_horizon();
  return fmt::format(
      "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} "
      "producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} isControl: {} "
      "deleteHorizonMs: {} position: {} {}: {} size: {} magic: {} compresscodec: {} crc: {} "
      "isvalid: {}\n",
      batch.base_offset().value(), batch.last_offset().value(), batch.record_count(),
      batch.base_sequence(), batch.last_sequence(), batch.producer_id().value(),
      batch.producer_epoch().value(), batch.partition_leader_epoch().value(),
      batch.attributes().is_transactional(), batch.attributes().is_control(),
      horizon ? fmt::format("OptionalLong[{}]", horizon->ms()) : "OptionalLong.empty", position,
      timestamp_name(batch), batch.max_timestamp().ms(), batch.total_size(), batch.magic(),
      codec_text(batch), batch.crc(), batch.computed_crc() == batch.crc());
}

void append_record_line(std::string& out, const records::BatchView& batch,
                        const records::Record& record, const DumpOptions& options) {
  const int64_t offset = batch.offset_at(record.offset_delta).value();
  const size_t before = out.size();
  out += '|';
  if (!options.skip_record_metadata) {
    std::string headers;
    for (const records::RecordHeader& header : record.headers) {
      headers += fmt::format("{}{}", headers.empty() ? "" : ",", header.key);
    }
    const int32_t sequence =
        batch.base_sequence() == records::kNoSequence
            ? records::kNoSequence
            : records::add_sequence(batch.base_sequence(), record.offset_delta);
    out += fmt::format(
        " offset: {} {}: {} keySize: {} valueSize: {} sequence: {} headerKeys: [{}]", offset,
        timestamp_name(batch), batch.timestamp_at(record.timestamp_delta).ms(),
        record.key ? static_cast<int64_t>(record.key->size()) : -1,
        record.value ? static_cast<int64_t>(record.value->size()) : -1, sequence, headers);
    if (batch.attributes().is_control()) out += control_text(record);
  }
  if (options.payloads && !batch.attributes().is_control()) {
    if (options.coordinator != CoordinatorLog::none) {
      out += coordinator_text(options.coordinator, record, offset);
    } else if (options.metadata) {
      if (record.value) out += " payload: " + metadata_text(*record.value, offset);
    } else {
      if (record.key) out += fmt::format(" key: {}", as_text(*record.key));
      if (record.value) out += fmt::format(" payload: {}", as_text(*record.value));
    }
  }
  // Nothing to show is an empty line there.
  if (out.size() == before + 1) out.pop_back();
  out += '\n';
}

}  // namespace partita::cli
