// AddOffsetsToTxn: the partition of a group's offsets into a transaction, for clients that commit
// offsets in it (TxnOffsetCommit up to version 4).

#include "broker/coordination.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/transaction_errors.h"
#include "broker/internal_topics.h"
#include "coordinators/record.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/add_offsets_to_txn.h"

namespace partita::broker {
namespace {

/// Where the group's offsets are, or will be when the topic is made.
int32_t offsets_partition(const HandlerContext& context, std::string_view group) {
  const auto topic = context.here.image()->topic(kOffsetsTopic);
  const int32_t count = topic != nullptr
                            ? static_cast<int32_t>(topic->partitions.size())
                            : internal_topic_partitions(kOffsetsTopic, context.services.settings);
  return coordinators::partition_for_key(group, count).value();
}

Task<Result<>> add_offsets(HandlerContext& context, const wire::AddOffsetsToTxnRequestView& body) {
  if (body.transactional_id.empty()) co_return fail(Errc::invalid_request);
  const coordinators::TransactionPartitions partitions = {
      {std::string(kOffsetsTopic), {offsets_partition(context, body.group_id)}}};
  const coordinators::TransactionClaim claim{
      .transactional_id = body.transactional_id,
      .producer = {.id = ProducerId(body.producer_id),
                   .epoch = ProducerEpoch(body.producer_epoch)}};
  const auto decide = [&](TransactionMachine& machine, Now now, TransactionMachine::Effects& out) {
    return machine.add_partitions({.claim = claim, .partitions = partitions}, now, out);
  };
  CO_TRY(const Result<> added, co_await on_transaction(context, body.transactional_id, decide));
  co_return added;
}

}  // namespace

Task<rpc::Response> handle_add_offsets_to_txn(HandlerContext& context, rpc::Request request) {
  const auto body = wire::AddOffsetsToTxnRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  constexpr int16_t kFirstWithFenced = 2;
  const Result<> added = co_await add_offsets(context, *body);
  wire::AddOffsetsToTxnResponse response;
  if (!added) {
    response.error_code = transaction_error(added.error(), request.version >= kFirstWithFenced);
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
