#pragma once
// Reading what a fetch asks for, shard by shard, and waiting until there is more.

#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "broker/fetch_session.h"
#include "broker/handler_table.h"
#include "replication/partition.h"

namespace partita::broker {

/// One partition of a fetch: where it is and what was read.
struct FetchSlot {
  std::list<FetchPartition>::iterator asked;
  std::shared_ptr<const metadata::TopicImage> topic;
  size_t shard = 0;
  std::optional<Error> error;
  replication::FetchAnswer answer;
};

struct FetchBudget {
  size_t bytes_max = 0;
  replication::Isolation isolation = replication::Isolation::read_uncommitted;
};

struct FetchPass {
  size_t bytes = 0;
  bool must_answer = false;  ///< an error or a divergence, which the client hears of at once
};

/// Reads every slot without an error once, within the budget; at least one batch where there is
/// any.
Task<FetchPass> read_slots(HandlerContext& context, std::vector<FetchSlot>& slots,
                           FetchBudget budget);

/// Answers when some slot has more to read than it had, or one ends; deadline_exceeded, stopped.
Task<Result<>> wait_for_more(HandlerContext& context, Scope& scope, std::vector<FetchSlot>& slots,
                             replication::Isolation isolation, Deadline deadline);

}  // namespace partita::broker
