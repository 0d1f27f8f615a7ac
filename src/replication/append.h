#pragma once
// What a leader is asked to append, and what it answers. PendingAppend is the place in the asking
// coroutine's frame through which both go: the partition keeps those that must wait in the order in
// which they came.

#include <boost/intrusive/list.hpp>  // links inside PendingAppend: queueing allocates nothing
#include <optional>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "records/check.h"
#include "runtime/completion.h"
#include "storage/partition_log.h"

namespace partita::replication {

struct AppendRequest {
  /// The batch as it was received: a slice of the request's frame.
  Bytes bytes;
  /// The judgement on it; borrows `bytes`.
  records::ProducedBatch checked;
  /// -1 all in-sync replicas, 1 the leader, 0 nobody waits.
  int16_t acks = -1;
  storage::AppendOrigin origin = storage::AppendOrigin::client;
  /// Of a transactional batch: what begin_verification() gave.
  storage::VerificationGuard guard = {};
  /// The batch is a transaction marker of this version.
  std::optional<int8_t> marker_version = {};
};

struct AppendAnswer {
  Offset base_offset;
  Offset last_offset;
  Offset log_start_offset;
  WallTime log_append_time = kNoTimestamp;
  LeaderEpoch leader_epoch;
};

using AppendOutcome = records::Judged<AppendAnswer>;

class PendingAppend {
 public:
  PendingAppend(Executor& executor, AppendRequest what)
      : request(std::move(what)), done(executor) {}

  AppendRequest request;
  Completion<AppendOutcome> done;

  boost::intrusive::list_member_hook<> link_;
};

using PendingAppends = boost::intrusive::list<
    PendingAppend, boost::intrusive::member_hook<
                       PendingAppend, boost::intrusive::list_member_hook<>, &PendingAppend::link_>>;

}  // namespace partita::replication
