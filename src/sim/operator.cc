#include "sim/operator.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/check.h"
#include "client/admin.h"
#include "client/consumer.h"
#include "client/producer.h"

namespace partita::sim {
namespace {

constexpr uint32_t kFirstProducer = 4000;  // one a topic
constexpr Duration kCallMax = 10s;
constexpr Duration kServableMax = 30s;
constexpr int32_t kPartitionsMax = 5;
constexpr const char* kConfigs[] = {"retention.ms", "max.message.bytes"};

/// What is known of a name.
enum class Known { absent, present, unsure };

struct Topic {
  Known known = Known::absent;
  TopicId id;
  uint32_t producer = 0;  ///< whose records are in it
  int32_t partitions = 0;
  bool partitions_unsure = false;
  std::map<std::string, std::string> configs;
  std::set<std::string> configs_unsure;
  std::map<Offset, uint32_t> acknowledged;  ///< of partition 0
  /// Whose acknowledged records were in topics of the name before.
  std::set<RecordName> buried;
};

class Operator final : public Companion {
 public:
  explicit Operator(ClientContext& context)
      : context_(context),
        random_(context.shard.random()),
        cluster_(context.shard, context.cluster_settings(), context.log),
        admin_(context.scope, cluster_),
        producer_(cluster_, {.linger = 0ms, .delivery_timeout = 20s},
                  client::round_robin_partitioner()) {}

  Task<void> run() override;
  Task<Result<>> check(Deadline deadline) override;
  Task<void> stop() override;
  Task<void> close() override { return cluster_.close(); }
  uint64_t decisions() const override { return decisions_; }

 private:
  Topic& draw_topic(std::string& name);
  Task<Result<>> create(std::string name, Topic& topic);
  Task<Result<>> remove(std::string name, Topic& topic);
  Task<Result<>> configure(std::string name, Topic& topic);
  Task<Result<>> grow(std::string name, Topic& topic);
  Task<Result<>> write(std::string name, Topic& topic, Duration patience);
  Task<Result<>> check_names(Deadline deadline);
  Task<Result<>> check_partitions(std::string name, const Topic& topic, Deadline deadline);
  Task<Result<>> check_configs(std::string name, const Topic& topic, Deadline deadline);
  Task<Result<>> check_records(std::string name, const Topic& topic, Deadline deadline);
  void check_record(const std::string& name, const Topic& topic, Offset expected,
                    const client::ConsumedRecord& record);
  void found(const std::string& name, const std::string& what) {
    context_.findings.push_back(fmt::format("topic {}: {}", name, what));
  }
  Deadline soon() { return context_.shard.now() + kCallMax; }

  ClientContext& context_;
  Random& random_;
  client::Cluster cluster_;
  client::Admin admin_;
  client::Producer producer_;
  std::vector<std::unique_ptr<client::Consumer>> consumers_;
  std::map<std::string, Topic> topics_;
  uint32_t names_ = 0;
  uint32_t numbers_ = 0;
  uint32_t producers_ = kFirstProducer;
  uint64_t decisions_ = 0;
};

/// A few names are used again and again; one whose fate is unknown, never again.
Topic& Operator::draw_topic(std::string& name) {
  std::vector<std::string> usable;
  for (const auto& [each, topic] : topics_) {
    if (topic.known != Known::unsure) usable.push_back(each);
  }
  if (usable.size() < 3) usable.push_back(fmt::format("t{}", names_++));
  name = usable[random_.below(usable.size())];
  return topics_[name];
}

Task<void> Operator::run() {
  while (context_.goes_on()) {
    std::string name;
    Topic& topic = draw_topic(name);
    Result<> done;
    if (topic.known == Known::absent) {
      done = co_await create(name, topic);
    } else {
      switch (random_.below(6)) {
        case 0:
        case 1: done = co_await remove(name, topic); break;
        case 2: done = co_await configure(name, topic); break;
        case 3: done = co_await grow(name, topic); break;
        default: done = co_await write(name, topic, kCallMax); break;
      }
    }
    if (done) decisions_++;
    if (!done) context_.log.info("operator, topic {}: {}", name, describe(done.error()));
    if (!co_await context_.pause(400ms)) break;
  }
}

Task<Result<>> Operator::create(std::string name, Topic& topic) {
  std::map<std::string, std::string> configs;
  if (random_.below(2) == 0)
    configs["retention.ms"] = std::to_string(1 + random_.below(9)) + "00000000";
  client::NewTopic wanted{.name = name,
                          .partitions = static_cast<int32_t>(1 + random_.below(3)),
                          .replication_factor = 1,
                          .configs = {{"flush.messages", "1"}}};
  wanted.configs.insert(wanted.configs.end(), configs.begin(), configs.end());
  const int32_t partitions = wanted.partitions;
  std::vector<client::NewTopic> topics;
  topics.push_back(std::move(wanted));
  topic.known = Known::unsure;
  CO_TRY(const auto outcomes, co_await admin_.create_topics(std::move(topics), false, soon()));
  CO_TRY(const client::CreatedTopic created, outcomes.front().result);
  topic.known = Known::present;
  topic.id = created.id;
  topic.partitions = partitions;
  topic.partitions_unsure = false;
  topic.configs = std::move(configs);
  topic.configs_unsure.clear();
  topic.producer = producers_++;
  CHECK(topic.acknowledged.empty());
  if (random_.below(2) == 0) co_return Result<>();
  co_return co_await write(name, topic, kCallMax);
}

Task<Result<>> Operator::remove(std::string name, Topic& topic) {
  topic.known = Known::unsure;
  CO_TRY(const auto outcomes, co_await admin_.delete_topics({name}, soon()));
  const auto& result = outcomes.front().result;
  // An answer that was lost on the way, or a broker that had lost the topic: no telling.
  CO_CHECKED(result);
  topic.known = Known::absent;
  for (const auto& [offset, number] : topic.acknowledged) {
    topic.buried.insert({topic.producer, number});
  }
  topic.acknowledged.clear();
  co_return Result<>();
}

Task<Result<>> Operator::configure(std::string name, Topic& topic) {
  const std::string config = kConfigs[random_.below(std::size(kConfigs))];
  const bool set = random_.below(3) != 0;
  std::vector<client::ConfigChange> changes;
  changes.push_back(
      {.name = config,
       .operation = set ? client::ConfigOperation::set : client::ConfigOperation::remove});
  if (set) changes.back().value = std::to_string(900'000 + random_.below(100'000)) + "000";
  const std::string value = changes.back().value.value_or("");
  topic.configs_unsure.insert(config);
  CO_CHECKED(co_await admin_.alter_configs({.name = name}, std::move(changes), soon()));
  topic.configs_unsure.erase(config);
  topic.configs.erase(config);
  if (set) topic.configs[config] = value;
  co_return Result<>();
}

Task<Result<>> Operator::grow(std::string name, Topic& topic) {
  if (topic.partitions_unsure) co_return Result<>();
  const auto count = static_cast<int32_t>(1 + random_.below(kPartitionsMax));
  std::vector<client::NewPartitions> wanted;
  wanted.push_back({.topic = name, .count = count});
  topic.partitions_unsure = true;
  CO_TRY(const auto outcomes, co_await admin_.create_partitions(std::move(wanted), soon()));
  const auto& result = outcomes.front().result;
  if (result && count <= topic.partitions) {
    found(name, fmt::format("{} partitions became {}", topic.partitions, count));
  }
  const bool refused = !result && result.error().code == Errc::invalid_partitions;
  if (refused && count > topic.partitions)
    co_return Result<>();  // it was done at the first attempt
  if (!result && !refused) co_return std::unexpected(result.error());
  topic.partitions = std::max(topic.partitions, count);
  topic.partitions_unsure = false;
  co_return Result<>();
}

Task<Result<>> Operator::write(std::string name, Topic& topic, Duration patience) {
  const Instant limit = context_.shard.now() + patience;
  for (uint64_t left = 1 + random_.below(5); left > 0; left--) {
    while (true) {
      const uint32_t number = numbers_++;
      client::ProducerRecord record;
      record.topic = name;
      record.partition = PartitionIndex(0);
      record.value = value_of({topic.producer, number}, random_.below(200));
      const auto delivered = co_await producer_.deliver(std::move(record));
      if (delivered) {
        topic.acknowledged[delivered->offset] = number;
        break;
      }
      if (context_.shard.now() > limit) co_return std::unexpected(delivered.error());
      CO_CHECKED(co_await sleep_for(context_.scope, 100ms));
    }
  }
  co_return Result<>();
}

// --- In the end ---

Task<Result<>> Operator::check_names(Deadline deadline) {
  CO_TRY(const auto there, co_await admin_.list_topics(deadline));
  for (const auto& [name, topic] : topics_) {
    const auto at = std::ranges::find(there, name, [](const auto& each) { return each->name; });
    const bool exists = at != there.end();
    if (topic.known == Known::present && !exists) found(name, "was created and is gone");
    if (topic.known == Known::absent && exists) found(name, "was deleted and is there");
    if (topic.known == Known::present && exists && (*at)->id != topic.id) {
      found(name, "has another id than it was created with");
    }
  }
  co_return Result<>();
}

Task<Result<>> Operator::check_partitions(std::string name, const Topic& topic, Deadline deadline) {
  CO_TRY(const auto described, co_await admin_.describe_topics({name}, deadline));
  CO_TRY(const client::TopicDescription& description, described.front().result);
  const auto count = static_cast<int32_t>(description.partitions.size());
  if (topic.partitions_unsure ? count >= topic.partitions : count == topic.partitions) {
    co_return Result<>();
  }
  found(name, fmt::format("has {} partitions, not {}", count, topic.partitions));
  co_return Result<>();
}

Task<Result<>> Operator::check_configs(std::string name, const Topic& topic, Deadline deadline) {
  std::vector<client::ConfigResource> resources;
  resources.push_back({.name = name});
  CO_TRY(const auto described, co_await admin_.describe_configs(std::move(resources), deadline));
  CO_TRY(const auto& entries, described.front().result);
  for (const char* config : kConfigs) {
    if (topic.configs_unsure.contains(config)) continue;
    const auto entry = std::ranges::find(entries, config, &client::ConfigEntry::name);
    if (entry == entries.end()) {
      found(name, fmt::format("does not show {}", config));
      continue;
    }
    const bool is_set = entry->source == client::ConfigSource::dynamic_topic;
    const auto wanted = topic.configs.find(config);
    const bool right =
        wanted == topic.configs.end() ? !is_set : is_set && entry->value == wanted->second;
    if (!right) found(name, fmt::format("{} is {}", config, entry->value.value_or("nothing")));
  }
  co_return Result<>();
}

void Operator::check_record(const std::string& name, const Topic& topic, Offset expected,
                            const client::ConsumedRecord& record) {
  const auto read = name_in(as_text(record.value.value_or(ByteView())));
  if (!read) return found(name, describe(read.error()));
  if (record.offset != expected) {
    found(name,
          fmt::format("offset {} where {} comes next", record.offset.value(), expected.value()));
  }
  if (topic.buried.contains(*read)) {
    found(name, fmt::format("shows {} of a deleted topic of that name", read->to_string()));
  }
  const auto known = topic.acknowledged.find(record.offset);
  if (known == topic.acknowledged.end()) return;
  if (*read == RecordName{topic.producer, known->second}) return;
  found(name, fmt::format("offset {} holds {}, not {}", record.offset.value(), read->to_string(),
                          known->second));
}

Task<Result<>> Operator::check_records(std::string name, const Topic& topic, Deadline deadline) {
  std::vector<client::OffsetQuestion> questions;
  const client::TopicPartition partition{name, PartitionIndex(0)};
  questions.push_back({.partition = partition});
  CO_TRY(const auto answers, co_await admin_.list_offsets(std::move(questions), false, deadline));
  CO_TRY(const client::ListedOffset end, answers.at(partition));
  if (!topic.acknowledged.empty() && topic.acknowledged.rbegin()->first >= end.offset) {
    found(name, fmt::format("ends at {}, before acknowledged offset {}", end.offset.value(),
                            topic.acknowledged.rbegin()->first.value()));
  }
  consumers_.push_back(std::make_unique<client::Consumer>(
      cluster_, client::ConsumerSettings{.reset = client::OffsetReset::none}));
  client::Consumer& consumer = *consumers_.back();
  consumer.assign({{partition, client::StartAt::beginning()}});
  Offset next = Offset(0);
  while (next < end.offset) {
    CO_TRY(const client::Polled polled, co_await consumer.poll(deadline));
    for (const client::ConsumedRecord& record : polled.records) {
      check_record(name, topic, next, record);
      next = record.offset.next();
    }
    if (context_.shard.now() >= deadline) co_return fail(Errc::deadline_exceeded, name);
  }
  consumer.stop();
  co_return Result<>();
}

Task<Result<>> Operator::check(Deadline deadline) {
  CO_CHECKED(co_await check_names(deadline));
  for (auto& [name, topic] : topics_) {
    if (topic.known != Known::present) continue;
    CO_CHECKED(co_await check_partitions(name, topic, deadline));
    CO_CHECKED(co_await check_configs(name, topic, deadline));
    CO_CHECKED(co_await write(name, topic, kServableMax));
    CO_CHECKED(co_await check_records(name, topic, deadline));
  }
  co_return Result<>();
}

Task<void> Operator::stop() {
  for (const auto& consumer : consumers_) consumer->stop();
  co_await producer_.close();
  for (const auto& consumer : consumers_) co_await consumer->close();
}

}  // namespace

std::unique_ptr<Companion> make_operator(ClientContext& context) {
  return std::make_unique<Operator>(context);
}

}  // namespace partita::sim
