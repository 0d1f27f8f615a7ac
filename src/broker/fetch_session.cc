#include "broker/fetch_session.h"

#include <algorithm>
#include <limits>

#include "base/fault_points.h"

namespace partita::broker {

void FetchSession::update(FetchPartition partition) {
  const FetchKey key{partition.topic, partition.topic_id, partition.partition};
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    order_.push_back(std::move(partition));
    by_key_.emplace(key, std::prev(order_.end()));
    return;
  }
  FetchPartition& known = *found->second;
  partition.told_high_watermark = known.told_high_watermark;
  partition.told_log_start = known.told_log_start;
  partition.told_error = known.told_error;
  known = std::move(partition);
}

void FetchSession::forget(const FetchKey& key) {
  if (mutant("broker.fetch_session_keeps_forgotten")) return;
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  order_.erase(found->second);
  by_key_.erase(found);
}

std::shared_ptr<FetchSession> FetchSessionCache::create(size_t partition_count, bool topic_ids,
                                                        Instant now) {
  if (partition_count > limits_.partitions_max || !make_room(now)) return nullptr;
  int32_t id = 0;
  do {
    id = static_cast<int32_t>(random_.below(std::numeric_limits<int32_t>::max() - 1)) + 1;
  } while (sessions_.contains(id));
  auto session = std::make_shared<FetchSession>(id, topic_ids);
  session->last_used_ = now;
  sessions_.emplace(id, session);
  return session;
}

Result<std::shared_ptr<FetchSession>> FetchSessionCache::use(int32_t id, int32_t epoch,
                                                             bool topic_ids, Instant now) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return fail(Errc::fetch_session_id_not_found);
  FetchSession& session = *found->second;
  if (session.uses_topic_ids() != topic_ids) return fail(Errc::fetch_session_topic_id_error);
  if (session.next_epoch_ != epoch && !mutant("broker.fetch_session_epoch_unchecked")) {
    return fail(Errc::invalid_fetch_session_epoch);
  }
  session.next_epoch_ = epoch == std::numeric_limits<int32_t>::max() ? 1 : epoch + 1;
  session.last_used_ = now;
  return found->second;
}

bool FetchSessionCache::make_room(Instant now) {
  if (sessions_.size() < limits_.slots) return true;
  if (sessions_.empty()) return false;
  const auto oldest = std::ranges::min_element(
      sessions_, {}, [](const auto& entry) { return entry.second->last_used_; });
  if (now - oldest->second->last_used_ < limits_.idle_until_evicted) return false;
  COVERED("broker.fetch_session_evicted");
  sessions_.erase(oldest);
  return true;
}

size_t FetchSessionCache::partition_count() const {
  size_t count = 0;
  for (const auto& [id, session] : sessions_) count += session->size();
  return count;
}

}  // namespace partita::broker
