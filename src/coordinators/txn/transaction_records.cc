#include "coordinators/txn/transaction_records.h"

#include <fmt/format.h>

#include "wire/coordinator/transaction_log.h"

namespace partita::coordinators {
namespace {

wire::TransactionLogKey key_of(std::string_view transactional_id) {
  wire::TransactionLogKey key;
  key.transactional_id = transactional_id;
  return key;
}

Result<TransactionState> state_of(int8_t number) {
  const auto state = static_cast<TransactionState>(number);
  switch (state) {
    case TransactionState::empty:
    case TransactionState::ongoing:
    case TransactionState::prepare_commit:
    case TransactionState::prepare_abort:
    case TransactionState::complete_commit:
    case TransactionState::complete_abort: return state;
    // These two pass within a coordinator; no log has them.
    case TransactionState::dead:
    case TransactionState::prepare_epoch_fence: break;
  }
  return fail(Errc::malformed, fmt::format("transaction state {}", number));
}

void read_partitions(const wire::TransactionLogValueView& value, Transaction& out) {
  if (out.is_idle() || !value.transaction_partitions) return;
  for (const auto& topic : *value.transaction_partitions) {
    if (topic.partition_ids.size() == 0) continue;
    std::set<int32_t>& indexes = out.partitions[std::string(topic.topic)];
    for (const int32_t index : topic.partition_ids) indexes.insert(index);
  }
}

}  // namespace

CoordinatorRecord transaction_record(std::string_view transactional_id,
                                     const Transaction& transaction, int16_t version) {
  wire::TransactionLogValue value;
  value.producer_id = transaction.producer.id.value();
  value.producer_epoch = transaction.producer.epoch.value();
  value.transaction_timeout_ms = transaction.timeout_ms;
  value.transaction_status = static_cast<int8_t>(transaction.state);
  value.transaction_last_update_timestamp_ms = transaction.update_time.ms();
  value.transaction_start_timestamp_ms = transaction.start_time.ms();
  if (transaction.state == TransactionState::empty) {
    value.transaction_partitions.reset();
  } else {
    for (const auto& [topic, indexes] : transaction.partitions) {
      auto& out = value.transaction_partitions->emplace_back();
      out.topic = topic;
      out.partition_ids.assign(indexes.begin(), indexes.end());
    }
  }
  if (version >= 1) {
    value.previous_producer_id = transaction.previous_producer_id.value();
    value.next_producer_id = transaction.next_producer_id.value();
    value.client_transaction_version = transaction.client_version;
  }
  return record_of(key_of(transactional_id), value, version);
}

CoordinatorRecord transaction_tombstone(std::string_view transactional_id) {
  return tombstone_of(key_of(transactional_id));
}

Result<std::string_view> parse_transaction_key(ByteView bytes) {
  TRY(const Numbered key, parse_numbered(bytes));
  if (key.number != wire::TransactionLogKey::descriptor().key) {
    return fail(Errc::unsupported_version, fmt::format("a key of kind {}", key.number));
  }
  TRY(const auto body, decode_key<wire::TransactionLogKeyView>(key));
  return body.transactional_id;
}

Result<Transaction> parse_transaction(ByteView bytes) {
  TRY(const auto value, decode_value<wire::TransactionLogValueView>(bytes));
  if (value.producer_id < 0 || value.producer_epoch < 0) {
    return fail(Errc::malformed, fmt::format("producer id {} with epoch {}", value.producer_id,
                                             value.producer_epoch));
  }
  Transaction out;
  TRY(out.state, state_of(value.transaction_status));
  out.producer = {.id = ProducerId(value.producer_id),
                  .epoch = ProducerEpoch(value.producer_epoch)};
  out.previous_producer_id = ProducerId(value.previous_producer_id);
  if (out.is_preparing() && value.next_producer_id >= 0) {
    out.next_producer_id = ProducerId(value.next_producer_id);
  }
  out.timeout_ms = value.transaction_timeout_ms;
  out.start_time = WallTime(value.transaction_start_timestamp_ms);
  out.update_time = WallTime(value.transaction_last_update_timestamp_ms);
  out.client_version = value.client_transaction_version >= 2 ? 2 : 0;
  read_partitions(value, out);
  return out;
}

size_t record_size_bound(const TransactionPartitions& partitions) {
  constexpr size_t kFixed = 128;
  size_t size = kFixed;
  for (const auto& [topic, indexes] : partitions) {
    size += 16 + topic.size() + sizeof(int32_t) * indexes.size();
  }
  return size;
}

}  // namespace partita::coordinators
