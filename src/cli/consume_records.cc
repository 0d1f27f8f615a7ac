#include "cli/consume_records.h"

#include <algorithm>
#include <set>

#include "client/admin.h"
#include "runtime/linux/process.h"

namespace partita::cli {
namespace {

constexpr Duration kLookForTopics = 30s;
constexpr Duration kLookForFirstTopic = 1s;
constexpr Duration kListTimeout = 60s;
constexpr Duration kLookForEnd = 20ms;

class RecordConsumer {
 public:
  RecordConsumer(ClientContext& context, ConsumeRecords how)
      : context_(context),
        how_(std::move(how)),
        consumer_(context.cluster, how_.settings),
        admin_(context.scope, context.cluster) {}

  Task<ConsumedCount> run() {
    if (how_.group) start_group();
    StopSignals signals(context_.world.loop(0));
    context_.scope.spawn(wait_for_signal(signals));
    const Result<> read = co_await (how_.group ? read_in_group() : read_records());
    const bool stopped = !read && read.error().code == Errc::stopped && result_.signal;
    if (!read && !stopped) result_.error = read.error();
    signals.close();
    if (group_) co_await group_->close();
    co_await consumer_.close();
    context_.scope.close();
    co_await context_.scope.join();
    co_return std::move(result_);
  }

 private:
  Task<void> wait_for_signal(StopSignals& signals) {
    Completion<Result<int>> done(context_.shard().executor());
    signals.start_wait(done);
    const Result<int> number = co_await done;
    if (!number) co_return;
    result_.signal = *number;
    context_.scope.close();
    consumer_.stop();
    if (group_) group_->stop();
  }

  void start_group() {
    client::GroupConsumerSettings settings{.membership = *how_.group, .consumer = how_.settings};
    if (how_.wanted) {
      settings.wanted = how_.wanted;
    } else {
      settings.topics.push_back(how_.topic);
    }
    settings.auto_commit = how_.auto_commit;
    group_ = std::make_unique<client::GroupConsumer>(context_.cluster, std::move(settings));
  }

  Task<Result<>> read_in_group() {
    if (how_.records_max == uint64_t{0}) co_return Result<>();
    last_record_ = context_.now();
    while (true) {
      Deadline deadline = context_.now() + kLookForTopics;
      if (how_.timeout) deadline = std::min(deadline, last_record_ + *how_.timeout);
      Result<client::Polled> polled = co_await group_->poll(deadline);
      if (!polled) {
        // What polling again may mend is no end.
        if (!client::is_transient(polled.error().code)) co_return std::unexpected(polled.error());
        context_.cluster.log().warn("{}", describe(polled.error()));
        CO_CHECKED(co_await sleep_for(context_.scope, kLookForEnd));
        continue;
      }
      const uint64_t before = result_.records;
      const Result<bool> go_on = handle(*polled);
      give_back(*polled, result_.records - before);
      if (!go_on) co_return std::unexpected(go_on.error());
      if (!*go_on) co_return Result<>();
      if (how_.timeout && context_.now() - last_record_ >= *how_.timeout) co_return Result<>();
    }
  }

  /// What was polled and not handled is not committed.
  void give_back(const client::Polled& polled, uint64_t handled) {
    std::set<client::TopicPartition> seen;
    for (size_t i = handled; i < polled.records.size(); i++) {
      const client::ConsumedRecord& record = polled.records[i];
      const client::TopicPartition partition{*record.topic, record.partition};
      if (!seen.insert(partition).second) continue;
      group_->seek(partition, client::StartAt::offset(record.offset));
    }
  }

  Task<Result<>> read_records() {
    if (how_.records_max == uint64_t{0}) co_return Result<>();
    last_record_ = context_.now();
    while (true) {
      if (context_.now() >= look_for_topics_) CO_CHECKED(co_await assign());
      if (at_end()) co_return Result<>();
      Deadline deadline = look_for_topics_;
      if (how_.timeout) deadline = std::min(deadline, last_record_ + *how_.timeout);
      if (how_.until_end) deadline = std::min(deadline, context_.now() + kLookForEnd);
      Result<client::Polled> polled = co_await consumer_.poll(deadline);
      if (!polled) {
        // What polling again may mend is no end, but no reason to spin either.
        if (!client::is_transient(polled.error().code)) co_return std::unexpected(polled.error());
        context_.cluster.log().warn("{}", describe(polled.error()));
        continue;
      }
      CO_TRY(const bool go_on, handle(*polled));
      if (!go_on) co_return Result<>();
      if (how_.timeout && context_.now() - last_record_ >= *how_.timeout) co_return Result<>();
    }
  }

  Result<bool> handle(const client::Polled& polled) {
    bool go_on = true;
    for (const client::ConsumedRecord& record : polled.records) {
      if (is_past_end(record)) continue;
      result_.records++;
      const Result<bool> handled = how_.each(record);
      if (!handled) return std::unexpected(handled.error());
      go_on = *handled && result_.records != how_.records_max;
      if (!go_on) break;
    }
    if (!polled.records.empty()) {
      last_record_ = context_.now();
      if (how_.after_poll) how_.after_poll();
    }
    return go_on;
  }

  /// Finds topics and partitions, and takes on those that are new.
  Task<Result<>> assign() {
    std::vector<client::TopicPtr> topics;
    std::vector<client::TopicPartition> found;
    if (how_.wanted) {
      CO_TRY(topics, co_await admin_.list_topics(context_.now() + kListTimeout));
      std::erase_if(topics,
                    [&](const client::TopicPtr& topic) { return !how_.wanted(topic->name); });
    } else if (!how_.partition) {
      CO_TRY(const client::TopicPtr topic, co_await find_topic());
      if (topic) topics.push_back(topic);
    } else {
      found.push_back({how_.topic, *how_.partition});
    }
    for (const client::TopicPtr& topic : topics) {
      for (const client::PartitionView& each : topic->partitions) {
        found.push_back({topic->name, each.index});
      }
    }
    add(found);
    look_for_topics_ = context_.now() + (assigned_.empty() ? kLookForFirstTopic : kLookForTopics);
    if (how_.until_end && ends_.empty() && !assigned_.empty()) CO_CHECKED(co_await list_ends());
    co_return Result<>();
  }

  Task<Result<client::TopicPtr>> find_topic() {
    Deadline deadline = context_.now() + kLookForTopics;
    if (how_.timeout) deadline = std::min(deadline, last_record_ + *how_.timeout);
    auto topic = co_await context_.cluster.topic(context_.scope, how_.topic, deadline);
    // It may come yet.
    const bool missing = !topic && !how_.until_end &&
                         (topic.error().code == Errc::unknown_topic_or_partition ||
                          client::is_transient(topic.error().code));
    if (missing) co_return client::TopicPtr();
    co_return topic;
  }

  void add(const std::vector<client::TopicPartition>& found) {
    client::Consumer::Assignment assignment;
    // Those that are read already go on where they are.
    for (const client::TopicPartition& each : assigned_) {
      const auto position = consumer_.position(each);
      assignment.emplace_back(each, position ? client::StartAt::offset(*position) : how_.start);
    }
    const bool late = !assigned_.empty();
    const size_t before = assigned_.size();
    for (const client::TopicPartition& each : found) {
      if (std::ranges::find(assigned_, each) != assigned_.end()) continue;
      // Whatever stands in a partition that is new came after the start.
      assignment.emplace_back(each, late ? client::StartAt::beginning() : how_.start);
      assigned_.push_back(each);
    }
    if (assigned_.size() != before) consumer_.assign(std::move(assignment));
  }

  Task<Result<>> list_ends() {
    std::vector<client::OffsetQuestion> questions;
    for (const client::TopicPartition& each : assigned_) {
      questions.push_back({each, client::kLatestTimestamp});
    }
    CO_TRY(const auto listed,
           co_await admin_.list_offsets(std::move(questions), how_.settings.read_committed,
                                        context_.now() + kListTimeout));
    for (const auto& [partition, end] : listed) {
      if (!end) co_return fail(end.error().code, partition.to_string() + ": " + end.error().detail);
      ends_.emplace(partition, end->offset);
    }
    co_return Result<>();
  }

  bool at_end() const {
    if (!how_.until_end || ends_.empty()) return false;
    return std::ranges::all_of(ends_, [&](const auto& each) {
      const auto position = consumer_.position(each.first);
      return position && *position >= each.second;
    });
  }
  bool is_past_end(const client::ConsumedRecord& record) const {
    if (!how_.until_end) return false;
    const auto end = ends_.find({*record.topic, record.partition});
    return end != ends_.end() && record.offset >= end->second;
  }

  ClientContext& context_;
  ConsumeRecords how_;
  client::Consumer consumer_;
  std::unique_ptr<client::GroupConsumer> group_;
  client::Admin admin_;
  std::vector<client::TopicPartition> assigned_;
  std::map<client::TopicPartition, Offset> ends_;
  Instant last_record_;
  Instant look_for_topics_;
  ConsumedCount result_;
};

}  // namespace

Task<ConsumedCount> consume_records(ClientContext& context, ConsumeRecords how) {
  RecordConsumer consumer(context, std::move(how));
  co_return co_await consumer.run();
}

}  // namespace partita::cli
