// TxnOffsetCommit: how far a group has read, as part of a producer's transaction. It counts with
// the transaction's marker.

#include "broker/coordination.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/known_partitions.h"
#include "broker/internal_topics.h"
#include "broker/transaction_partitions.h"
#include "rpc/response_frame.h"
#include "wire/messages/txn_offset_commit.h"

namespace partita::broker {
namespace {

using Known = KnownPartitions<wire::TxnOffsetCommitRequest, wire::TxnOffsetCommitResponse>;
using Said = wire::TxnOffsetCommitResponse;

constexpr int16_t kKnowsLoadingFrom = 2;
constexpr int16_t kKnowsAbortableFrom = 4;
/// The client leaves it to the broker to add the group's partition to the transaction.
constexpr int16_t kAddsPartitionFrom = 5;

/// How the producer hears of an error.
Errc for_producer(Errc code, int16_t version) {
  switch (code) {
    case Errc::producer_fenced: return Errc::invalid_producer_epoch;
    case Errc::transaction_abortable:
      return version >= kKnowsAbortableFrom ? code : Errc::invalid_txn_state;
    case Errc::coordinator_load_in_progress:
      return version >= kKnowsLoadingFrom ? code : Errc::coordinator_not_available;
    default: return code;
  }
}

/// The group's partition of __consumer_offsets is part of the transaction.
Task<Result<>> join_transaction(HandlerContext& context,
                                const wire::TxnOffsetCommitRequestView& request, int16_t version) {
  if (request.group_id.empty()) co_return fail(Errc::invalid_group_id);
  CO_TRY(const CoordinatorPlace place, coordinator_place(context, kOffsetsTopic, request.group_id));
  const TransactionMembership membership{
      .transactional_id = request.transactional_id,
      .producer = {ProducerId(request.producer_id), ProducerEpoch(request.producer_epoch)},
      .bumps_epoch = version >= kAddsPartitionFrom};
  auto joined = co_await ensure_in_transaction(context, membership,
                                               {{kOffsetsTopic, place.partition.value()}});
  co_return std::move(joined.front());
}

Task<Result<Said>> commit(HandlerContext& context, const wire::TxnOffsetCommitRequestView& request,
                          const wire::TxnOffsetCommitRequest& known, int16_t version) {
  CO_CHECKED(co_await join_transaction(context, request, version));
  co_return co_await on_group(context, request.group_id,
                              [&](GroupMachine& machine, Now now, GroupMachine::Effects& out) {
                                return machine.commit_transaction_offsets(known, version, now, out);
                              });
}

}  // namespace

Task<rpc::Response> handle_txn_offset_commit(HandlerContext& context, rpc::Request request) {
  const auto body = wire::TxnOffsetCommitRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  Known partitions(materialise(*body), *context.here.image(), Known::Topics::by_name);
  if (partitions.none_known()) co_return rpc::reply(request, partitions.response());
  const auto said = co_await commit(context, *body, partitions.known(), request.version);
  if (said) {
    partitions.answer(*said);
  } else {
    partitions.refuse(for_producer(said.error().code, request.version));
  }
  co_return rpc::reply(request, partitions.response());
}

}  // namespace partita::broker
