#pragma once
// The handlers, one a file, numbered by API key. Each takes a request apart, asks the shards and
// the controller, and answers; what they decide stands in the machines below.

#include "broker/handler_table.h"

namespace partita::broker {

Task<rpc::Response> handle_produce(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_fetch(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_list_offsets(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_metadata(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_offset_commit(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_offset_fetch(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_find_coordinator(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_join_group(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_heartbeat(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_leave_group(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_sync_group(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_describe_groups(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_list_groups(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_api_versions(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_create_topics(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_delete_topics(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_delete_records(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_init_producer_id(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_add_partitions_to_txn(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_add_offsets_to_txn(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_end_txn(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_write_txn_markers(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_offset_for_leader_epoch(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_txn_offset_commit(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_describe_configs(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_create_partitions(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_delete_groups(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_incremental_alter_configs(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_list_partition_reassignments(HandlerContext& context,
                                                        rpc::Request request);
Task<rpc::Response> handle_offset_delete(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_consumer_group_heartbeat(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_consumer_group_describe(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_describe_producers(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_describe_transactions(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_list_transactions(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_describe_topic_partitions(HandlerContext& context, rpc::Request request);
Task<rpc::Response> handle_describe_cluster(HandlerContext& context, rpc::Request request);

/// The answer to a body that is no legal message: the connection is closed with the words.
rpc::Response close_malformed(const rpc::Request& request, const Error& error);

}  // namespace partita::broker
