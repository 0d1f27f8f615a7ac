#include "broker/coordination.h"

#include "broker/shard_of.h"
#include "coordinators/record.h"

namespace partita::broker {

Result<CoordinatorPlace> coordinator_place(const HandlerContext& context, std::string_view topic,
                                           std::string_view key) {
  const auto found = context.here.image()->topic(topic);
  if (found == nullptr || found->partitions.empty()) {
    return fail(Errc::coordinator_not_available);
  }
  const auto count = static_cast<int32_t>(found->partitions.size());
  const PartitionIndex index = coordinators::partition_for_key(key, count);
  if (found->partition(index)->leader != context.services.self) return fail(Errc::not_coordinator);
  const std::vector<Coordinators*>& shards = context.services.coordinators;
  return CoordinatorPlace{.on = shards[shard_of(found->id, index, shards.size())],
                          .partition = index};
}

namespace detail {

void OwedAnswer::arrive(Result<coordinators::GroupRelease> answer) {
  answer_ = std::move(answer);
  arrived_.wake_all();
}

Task<Result<coordinators::GroupRelease>> OwedAnswer::wait(Scope& patience) {
  while (!answer_) {
    if (!co_await arrived_.wait(patience)) co_return fail(Errc::not_coordinator);
  }
  co_return std::move(*answer_);
}

}  // namespace detail
}  // namespace partita::broker
