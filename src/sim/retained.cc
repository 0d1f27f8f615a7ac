#include "sim/retained.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "client/admin.h"
#include "client/consumer.h"
#include "client/producer.h"

namespace partita::sim {
namespace {

constexpr const char* kRetained = "retained";
constexpr uint32_t kProducer = 3000;
constexpr size_t kValueBytesMax = 300;
/// What a record can take beyond its value: a batch of its own.
constexpr int64_t kRecordOverheadMax = 120;
constexpr Duration kCallMax = 10s;

client::TopicPartition the_partition() {
  return {kRetained, PartitionIndex(0)};
}

class Retained final : public Companion {
 public:
  explicit Retained(ClientContext& context)
      : context_(context),
        plan_(*context.plan.retained),
        cluster_(context.shard, context.cluster_settings(), context.log),
        admin_(context.scope, cluster_),
        producer_(cluster_, {.batch_bytes = 1'000, .linger = 1ms, .delivery_timeout = 60s},
                  client::round_robin_partitioner()),
        consumer_(cluster_, {.partition_bytes_max = 2'000,
                             .poll_records_max = 5,
                             .reset = client::OffsetReset::earliest}) {}

  Task<void> run() override;
  Task<Result<>> check(Deadline deadline) override;
  Task<void> stop() override;
  Task<void> close() override { return cluster_.close(); }

 private:
  struct Sent {
    WallTime timestamp;
    size_t bytes = 0;
    std::optional<Offset> offset = {};
  };

  Task<Result<>> create(Deadline deadline);
  Task<void> send();
  Task<void> read();
  Task<Result<bool>> poll(client::Consumer& consumer, Deadline deadline);
  void take(const client::ConsumedRecord& record);
  Task<Result<Offset>> ask(int64_t which, Deadline deadline);
  Task<Result<>> ask_start(Deadline deadline);
  void judge_start(Offset start);
  void judge_size(Offset start);
  void judge_age(Offset start);
  int64_t bytes_from(Offset start, int64_t overhead) const;
  Task<Result<>> await_retention(Deadline deadline);
  Task<Result<>> read_what_is_left(Deadline deadline);
  void found(std::string what) { context_.findings.push_back("retained: " + std::move(what)); }

  ClientContext& context_;
  const RetainedPlan plan_;
  client::Cluster cluster_;
  client::Admin admin_;
  client::Producer producer_;
  client::Consumer consumer_;
  std::unique_ptr<client::Consumer> last_reader_;
  bool created_ = false;
  std::vector<Sent> sent_;
  std::map<Offset, uint32_t> acknowledged_;
  std::map<Offset, uint32_t> seen_;
  Offset next_ = Offset(0);   // of the consumer that reads
  Offset start_ = Offset(0);  // the log begins there or later
};

Task<Result<>> Retained::create(Deadline deadline) {
  std::vector<client::NewTopic> topics;
  std::vector<std::pair<std::string, std::string>> configs{
      {"flush.messages", "1"},
      {"internal.segment.bytes", std::to_string(context_.plan.segment_bytes)}};
  if (plan_.bytes) configs.emplace_back("retention.bytes", std::to_string(*plan_.bytes));
  if (plan_.ms) configs.emplace_back("retention.ms", std::to_string(*plan_.ms));
  topics.push_back(
      {.name = kRetained, .partitions = 1, .replication_factor = 1, .configs = std::move(configs)});
  CO_TRY(const auto outcomes, co_await admin_.create_topics(std::move(topics), false, deadline));
  const auto& result = outcomes.front().result;
  if (result || result.error().code == Errc::topic_already_exists) co_return Result<>();
  co_return std::unexpected(result.error());
}

Task<void> Retained::run() {
  while (!created_ && context_.goes_on()) {
    created_ = (co_await create(context_.shard.now() + kCallMax)).has_value();
    (void)co_await context_.pause(100ms);
  }
  if (!created_) co_return;
  context_.scope.spawn(read());
  while (context_.goes_on()) {
    const uint64_t count = context_.shard.random().below(8);
    for (uint64_t i = 0; i < count; i++) co_await send();
    (void)co_await context_.pause(200ms);
    if (context_.shard.random().below(3) == 0) {
      (void)co_await ask_start(context_.shard.now() + kCallMax);
    }
  }
  (void)co_await producer_.flush(kNoDeadline);
}

Task<void> Retained::send() {
  const auto number = static_cast<uint32_t>(sent_.size());
  client::ProducerRecord record;
  record.topic = kRetained;
  record.partition = PartitionIndex(0);
  record.value = value_of({kProducer, number}, context_.shard.random().below(kValueBytesMax) + 1);
  record.timestamp = context_.shard.clock().wall();
  sent_.push_back({.timestamp = *record.timestamp, .bytes = record.value->size()});
  (void)co_await producer_.send(std::move(record), [this, number](auto delivery) {
    if (!delivery) return;
    sent_[number].offset = delivery->offset;
    acknowledged_[delivery->offset] = number;
  });
}

Task<void> Retained::read() {
  consumer_.assign({{the_partition(), client::StartAt::beginning()}});
  while (context_.goes_on()) {
    const auto polled = co_await poll(consumer_, context_.shard.now() + Duration(1s));
    if (!polled && polled.error().code == Errc::stopped) co_return;
    // Slow enough to be overtaken now and then.
    (void)co_await context_.pause(400ms);
  }
}

Task<Result<bool>> Retained::poll(client::Consumer& consumer, Deadline deadline) {
  CO_TRY(const client::Polled polled, co_await consumer.poll(deadline));
  for (const client::ConsumedRecord& record : polled.records) take(record);
  co_return !polled.records.empty();
}

void Retained::take(const client::ConsumedRecord& record) {
  const auto name = name_in(as_text(record.value.value_or(ByteView())));
  if (!name || name->producer != kProducer) {
    return found(fmt::format("offset {} holds what nobody sent", record.offset.value()));
  }
  if (record.offset < next_) {
    found(fmt::format("offset {} comes after {}", record.offset.value(), next_.value() - 1));
  }
  // What was passed over is gone.
  if (record.offset > next_) start_ = std::max(start_, record.offset);
  next_ = record.offset.next();
  const auto [at, is_new] = seen_.emplace(record.offset, name->number);
  if (!is_new && at->second != name->number) {
    found(fmt::format("offset {} held {} and holds {}", record.offset.value(), at->second,
                      name->number));
  }
}

Task<Result<Offset>> Retained::ask(int64_t which, Deadline deadline) {
  std::vector<client::OffsetQuestion> questions;
  questions.push_back({.partition = the_partition(), .timestamp = which});
  CO_TRY(const auto answers, co_await admin_.list_offsets(std::move(questions), false, deadline));
  CO_TRY(const client::ListedOffset listed, answers.at(the_partition()));
  co_return listed.offset;
}

Task<Result<>> Retained::ask_start(Deadline deadline) {
  CO_TRY(const Offset start, co_await ask(client::kEarliestTimestamp, deadline));
  judge_start(start);
  co_return Result<>();
}

void Retained::judge_start(Offset start) {
  if (start < start_) {
    found(fmt::format("the log begins at {} again, after {}", start.value(), start_.value()));
  }
  start_ = std::max(start_, start);
  if (start == Offset(0)) return;
  if (plan_.bytes) judge_size(start);
  if (plan_.ms) judge_age(start);
}

int64_t Retained::bytes_from(Offset start, int64_t overhead) const {
  int64_t bytes = 0;
  for (const Sent& sent : sent_) {
    if (sent.offset ? *sent.offset >= start : overhead > 0) {
      bytes += static_cast<int64_t>(sent.bytes) + overhead;
    }
  }
  return bytes;
}

void Retained::judge_size(Offset start) {
  const int64_t most = bytes_from(start, kRecordOverheadMax);
  if (most >= *plan_.bytes) return;
  found(fmt::format("begins at {}: {} bytes at the most are left of retention.bytes {}",
                    start.value(), most, *plan_.bytes));
}

void Retained::judge_age(Offset start) {
  const int64_t now = context_.shard.clock().wall().ms();
  for (const auto& [offset, number] : acknowledged_) {
    if (offset >= start) break;
    const int64_t age = now - sent_[number].timestamp.ms();
    if (age > *plan_.ms) continue;
    found(fmt::format("offset {} went at an age of {} ms, retention.ms is {}", offset.value(), age,
                      *plan_.ms));
    return;
  }
}

Task<Result<>> Retained::await_retention(Deadline deadline) {
  while (true) {
    CO_CHECKED(co_await ask_start(deadline));
    CO_TRY(const Offset end, co_await ask(client::kLatestTimestamp, deadline));
    const bool done = plan_.bytes
                          ? bytes_from(start_, 0) <= *plan_.bytes + 2 * context_.plan.segment_bytes
                          : start_ == end;
    if (done) co_return Result<>();
    if (context_.shard.now() + kCallMax > deadline) {
      co_return fail(Errc::deadline_exceeded,
                     fmt::format("retention leaves [{}, {}), {} bytes or more", start_.value(),
                                 end.value(), bytes_from(start_, 0)));
    }
    CO_CHECKED(co_await sleep_for(context_.scope, 300ms));
  }
}

Task<Result<>> Retained::read_what_is_left(Deadline deadline) {
  CO_CHECKED(co_await ask_start(deadline));
  CO_TRY(const Offset end, co_await ask(client::kLatestTimestamp, deadline));
  const Offset start = start_;
  last_reader_ = std::make_unique<client::Consumer>(
      cluster_, client::ConsumerSettings{.reset = client::OffsetReset::earliest});
  last_reader_->assign({{the_partition(), client::StartAt::beginning()}});
  next_ = start;
  while (next_ < end && start_ < end) {
    const auto polled = co_await poll(*last_reader_, context_.shard.now() + Duration(1s));
    if (!polled) CO_CHECKED(co_await sleep_for(context_.scope, 50ms));
    CO_CHECKED(co_await ask_start(deadline));
    if (context_.shard.now() >= deadline) co_return fail(Errc::deadline_exceeded, "retained");
  }
  for (const auto& [offset, number] : acknowledged_) {
    if (offset < start_) continue;
    const auto seen = seen_.find(offset);
    if (seen != seen_.end() && seen->second == number) continue;
    found(fmt::format("acknowledged record {} at offset {}: there is {}", number, offset.value(),
                      seen == seen_.end() ? "nothing" : "another"));
  }
  co_return Result<>();
}

Task<Result<>> Retained::check(Deadline deadline) {
  if (!created_) co_return Result<>();
  CO_CHECKED(co_await read_what_is_left(deadline));
  co_return co_await await_retention(deadline);
}

Task<void> Retained::stop() {
  consumer_.stop();
  if (last_reader_) last_reader_->stop();
  co_await producer_.close();
  co_await consumer_.close();
  if (last_reader_) co_await last_reader_->close();
}

}  // namespace

std::unique_ptr<Companion> make_retained(ClientContext& context) {
  return std::make_unique<Retained>(context);
}

}  // namespace partita::sim
