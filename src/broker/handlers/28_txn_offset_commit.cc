// TxnOffsetCommit: how far a group has read, as part of a producer's transaction. It counts with
// the transaction's marker.

#include "broker/coordination.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/known_partitions.h"
#include "broker/transaction_partitions.h"
#include "rpc/response_frame.h"
#include "wire/messages/txn_offset_commit.h"

namespace partita::broker {
namespace {

using Known = KnownPartitions<wire::TxnOffsetCommitRequest, wire::TxnOffsetCommitResponse>;
using Said = wire::TxnOffsetCommitResponse;

constexpr int16_t kKnowsLoadingFrom = 2;
constexpr int16_t kAddsItselfFrom = 5;
