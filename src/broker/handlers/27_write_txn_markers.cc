// WriteTxnMarkers: a transaction coordinator (here or on another broker) ends transactions in the
// partitions that this broker leads.

#include "broker/handlers/handlers.h"
#include "broker/transaction_markers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/write_txn_markers.h"

namespace partita::broker {
namespace {

using MarkerView = wire::WriteTxnMarkersRequestView::WritableTxnMarker;
using PartitionResult = wire::WriteTxnMarkersResponse::WritableTxnMarkerPartitionResult;

constexpr Duration kPatience = 30s;

Task<void> write_one(HandlerContext& context, std::string topic, storage::EndTxnMarker marker,
                     Deadline deadline, PartitionResult& out) {
  const Result<> written = co_await write_marker(
      context, std::move(topic), PartitionIndex(out.partition_index), marker, deadline);
  out.error_code = wire::error_code(written);
}

/// The marker into all of its partitions at once.
Task<void> write_marker_everywhere(HandlerContext& context, const MarkerView& asked,
                                   Deadline deadline,
                                   wire::WriteTxnMarkersResponse::WritableTxnMarkerResult& out) {
  const storage::EndTxnMarker marker{.producer_id = ProducerId(asked.producer_id),
                                     .producer_epoch = ProducerEpoch(asked.producer_epoch),
                                     .coordinator_epoch = asked.coordinator_epoch,
                                     .is_commit = asked.transaction_result,
                                     .transaction_version = asked.transaction_version};
  out.producer_id = asked.producer_id;
  for (const auto& topic : asked.topics) {
    auto& named = out.topics.emplace_back();
    named.name = topic.name;
    for (const int32_t index : topic.partition_indexes) {
      named.partitions.push_back({.partition_index = index});
    }
  }
  Scope all(context.here.shard());
  for (auto& topic : out.topics) {
    for (auto& partition : topic.partitions) {
      all.spawn(write_one(context, topic.name, marker, deadline, partition));
    }
  }
  co_await all.join();
}

}  // namespace

Task<rpc::Response> handle_write_txn_markers(HandlerContext& context, rpc::Request request) {
  const auto body = wire::WriteTxnMarkersRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  const Deadline deadline = request.received + kPatience;
  wire::WriteTxnMarkersResponse response;
  for (const MarkerView& marker : body->markers) {
    co_await write_marker_everywhere(context, marker, deadline, response.markers.emplace_back());
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
