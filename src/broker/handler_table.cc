#include "broker/handler_table.h"

#include <vector>

#include "broker/handlers/handlers.h"

namespace partita::broker {
namespace {

using wire::ApiKey;
constexpr auto kWithOthers = rpc::Overlap::with_others;
constexpr auto kAlone = rpc::Overlap::alone;

// key, listed from, served from, to
constexpr Handler kTable[] = {
    {ApiKey::produce, 0, 3, 13, kWithOthers, handle_produce},
    {ApiKey::fetch, 4, 4, 18, kWithOthers, handle_fetch},
    {ApiKey::list_offsets, 0, 0, 11, kAlone, handle_list_offsets},
    {ApiKey::metadata, 0, 0, 13, kAlone, handle_metadata},
    {ApiKey::offset_commit, 1, 1, 10, kAlone, handle_offset_commit},
    {ApiKey::offset_fetch, 1, 1, 10, kAlone, handle_offset_fetch},
    {ApiKey::find_coordinator, 0, 0, 6, kAlone, handle_find_coordinator},
    {ApiKey::join_group, 0, 0, 9, kAlone, handle_join_group},
    {ApiKey::heartbeat, 0, 0, 4, kAlone, handle_heartbeat},
    {ApiKey::leave_group, 0, 0, 5, kAlone, handle_leave_group},
    {ApiKey::sync_group, 0, 0, 5, kAlone, handle_sync_group},
    {ApiKey::describe_groups, 0, 0, 6, kAlone, handle_describe_groups},
    {ApiKey::list_groups, 0, 0, 5, kAlone, handle_list_groups},
    {ApiKey::api_versions, 0, 0, 4, kAlone, handle_api_versions},
    {ApiKey::create_topics, 0, 0, 7, kAlone, handle_create_topics},
    {ApiKey::delete_topics, 1, 1, 6, kAlone, handle_delete_topics},
    {ApiKey::delete_records, 0, 0, 2, kAlone, handle_delete_records},
    {ApiKey::init_producer_id, 0, 0, 5, kAlone, handle_init_producer_id},
    {ApiKey::offset_for_leader_epoch, 0, 0, 4, kAlone, handle_offset_for_leader_epoch},
    {ApiKey::add_partitions_to_txn, 0, 0, 5, kAlone, handle_add_partitions_to_txn},
    {ApiKey::add_offsets_to_txn, 0, 0, 4, kAlone, handle_add_offsets_to_txn},
    {ApiKey::end_txn, 0, 0, 5, kAlone, handle_end_txn},
    {ApiKey::write_txn_markers, 1, 1, 2, kAlone, handle_write_txn_markers},
    {ApiKey::txn_offset_commit, 0, 0, 5, kAlone, handle_txn_offset_commit},
    {ApiKey::describe_configs, 0, 0, 4, kAlone, handle_describe_configs},
    {ApiKey::create_partitions, 0, 0, 3, kAlone, handle_create_partitions},
    {ApiKey::delete_groups, 0, 0, 2, kAlone, handle_delete_groups},
    {ApiKey::incremental_alter_configs, 0, 0, 1, kAlone, handle_incremental_alter_configs},
    {ApiKey::list_partition_reassignments, 0, 0, 0, kAlone, handle_list_partition_reassignments},
    {ApiKey::offset_delete, 0, 0, 0, kAlone, handle_offset_delete},
    {ApiKey::describe_cluster, 0, 0, 2, kAlone, handle_describe_cluster},
    {ApiKey::describe_producers, 0, 0, 0, kAlone, handle_describe_producers},
    {ApiKey::describe_transactions, 0, 0, 0, kAlone, handle_describe_transactions},
    {ApiKey::list_transactions, 0, 0, 2, kAlone, handle_list_transactions},
    {ApiKey::consumer_group_heartbeat, 0, 0, 1, kAlone, handle_consumer_group_heartbeat},
    {ApiKey::consumer_group_describe, 0, 0, 1, kAlone, handle_consumer_group_describe},
    {ApiKey::describe_topic_partitions, 0, 0, 0, kAlone, handle_describe_topic_partitions},
};

/// Where Kafka 4.3 begins, for those that older tools may ask in older versions.
int16_t current_from(ApiKey key) {
  switch (key) {
    case ApiKey::list_offsets:
    case ApiKey::describe_configs: return 1;
    case ApiKey::offset_commit:
    case ApiKey::create_topics:
    case ApiKey::offset_for_leader_epoch: return 2;
    default: return 0;
  }
}

std::vector<Handler> without_old_versions() {
  std::vector<Handler> rows(std::begin(kTable), std::end(kTable));
  for (Handler& row : rows) {
    row.first = std::max(row.first, current_from(row.key));
    row.listed_from = std::max(row.listed_from, current_from(row.key));
  }
  return rows;
}

}  // namespace

std::span<const Handler> handler_table(bool old_versions) {
  static const std::vector<Handler> current = without_old_versions();
  if (old_versions) return kTable;
  return current;
}

}  // namespace partita::broker
