#include "broker/handlers/fetch_context.h"

namespace partita::broker {
namespace {

constexpr int16_t kFirstWithTopicIds = 13;
constexpr int32_t kNoSession = 0;
constexpr int32_t kInitialEpoch = 0;
constexpr int32_t kFinalEpoch = -1;

FetchPartition partition_of(const wire::FetchRequestView::FetchTopic& topic,
                            const wire::FetchRequestView::FetchPartition& view) {
  return {.topic = std::string(topic.topic),
          .topic_id = topic.topic_id,
          .partition = view.partition,
          .current_leader_epoch = LeaderEpoch(view.current_leader_epoch),
          .last_fetched_epoch = LeaderEpoch(view.last_fetched_epoch),
          .fetch_offset = Offset(view.fetch_offset),
          .log_start_offset = Offset(view.log_start_offset),
          .max_bytes = view.partition_max_bytes};
}

size_t count_partitions(const wire::FetchRequestView& request) {
  size_t count = 0;
  for (const auto& topic : request.topics) count += topic.partitions.size();
  return count;
}

}  // namespace

Result<FetchContext> FetchContext::open(FetchSessionCache& cache,
                                        const wire::FetchRequestView& request, int16_t version,
                                        Instant now) {
  const bool topic_ids = version >= kFirstWithTopicIds;
  const size_t count = count_partitions(request);
  if (count > kPartitionsMax) return fail(Errc::invalid_request, "too many partitions");
  FetchContext context;
  const bool full = request.session_epoch == kInitialEpoch || request.session_epoch == kFinalEpoch;
  if (!full) {
    TRY(auto session, cache.use(request.session_id, request.session_epoch, topic_ids, now));
    CHECKED(context.use(std::move(session)));
    context.incremental_ = true;
  } else {
    if (request.session_id != kNoSession) cache.remove(request.session_id);
    if (request.session_epoch == kInitialEpoch && count > 0) {
      if (auto session = cache.create(count, topic_ids, now)) {
        CHECKED(context.use(std::move(session)));
      }
    }
  }
  CHECKED(context.take(request));
  return context;
}

Result<> FetchContext::use(std::shared_ptr<FetchSession> session) {
  if (!session->begin_use()) return fail(Errc::invalid_fetch_session_epoch);
  session_ = std::move(session);
  return {};
}

Result<> FetchContext::take(const wire::FetchRequestView& request) {
  for (const auto& topic : request.topics) {
    for (const auto& view : topic.partitions) {
      if (session_ == nullptr) {
        own_.push_back(partition_of(topic, view));
        continue;
      }
      session_->update(partition_of(topic, view));
      if (session_->size() > kPartitionsMax) {
        return fail(Errc::invalid_request, "too many partitions in the session");
      }
    }
  }
  if (!incremental_) return {};
  for (const auto& topic : request.forgotten_topics_data) {
    for (const int32_t partition : topic.partitions) {
      session_->forget({std::string(topic.topic), topic.topic_id, partition});
    }
  }
  return {};
}

}  // namespace partita::broker
