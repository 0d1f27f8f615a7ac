// partita txn: list, describe, producers, hanging, abort, fence.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/commands/topic_output.h"
#include "cli/kafka/hanging_transactions.h"
#include "client/transaction_admin.h"

namespace partita::cli {
namespace {

using Json = nlohmann::ordered_json;
using client::TopicPartition;
using Rows = std::vector<std::vector<std::string>>;

struct TxnFlags {
  ClientFlags client;
  std::vector<std::string> ids;
  std::string topic;
  int32_t partition = 0;
  int64_t start = -1;
  double minutes = 15;
  bool json = false;
};

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

class TxnCommand {
 public:
  TxnCommand(ClientContext& context, const TxnFlags& flags)
      : context_(context),
        flags_(flags),
        admin_(context.scope, context.cluster),
        deadline_(context.now() + flags.client.timeout()) {}

  Task<Result<>> list() {
    CO_TRY(auto all, co_await admin_.list({}, deadline_));
    std::ranges::sort(all, {}, &client::TransactionListing::transactional_id);
    Rows rows = {{"ID", "STATE", "PRODUCER", "COORDINATOR"}};
    Json json = Json::array();
    for (const auto& each : all) {
      rows.push_back({each.transactional_id, each.state, std::to_string(each.producer_id.value()),
                      std::to_string(each.coordinator.value())});
      json.push_back({{"id", each.transactional_id},
                      {"state", each.state},
                      {"producer", each.producer_id.value()},
                      {"coordinator", each.coordinator.value()}});
    }
    show(rows, json);
    co_return Result<>();
  }

  Task<Result<>> describe() {
    CO_TRY(const auto outcomes, co_await admin_.describe(flags_.ids, deadline_));
    Rows rows = {{"ID", "STATE", "PRODUCER", "EPOCH", "TIMEOUT", "RUNS FOR", "PARTITIONS"}};
    Json json = Json::array();
    for (const auto& each : outcomes) {
      if (!each.result) {
        co_return fail(each.result.error().code, each.name + ": " + words_of(each.result.error()));
      }
      add_description(each.name, *each.result, rows, json);
    }
    show(rows, json);
    co_return Result<>();
  }

  Task<Result<>> producers() {
    CO_TRY(const auto producers, co_await producers_of_partition());
    Rows rows = {{"PRODUCER", "EPOCH", "LAST SEQUENCE", "COORDINATOR EPOCH", "OPEN SINCE OFFSET"}};
    Json json = Json::array();
    for (const client::PartitionProducer& each : producers) {
      rows.push_back(
          {std::to_string(each.id.value()), std::to_string(each.epoch),
           std::to_string(each.last_sequence),
           each.coordinator_epoch ? std::to_string(*each.coordinator_epoch) : "-",
           each.transaction_start ? std::to_string(each.transaction_start->value()) : "-"});
      json.push_back(producer_json(each));
    }
    show(rows, json);
    co_return Result<>();
  }

  Task<Result<>> hanging() {
    kafka::HangingSearch search{.older_than = std::chrono::duration_cast<Duration>(
                                    std::chrono::duration<double, std::ratio<60>>(flags_.minutes))};
    if (!flags_.topic.empty()) search.topic = flags_.topic;
    CO_TRY(const auto found,
           co_await kafka::find_hanging_transactions(context_, search, deadline_));
    Rows rows = {{"PARTITION", "PRODUCER", "EPOCH", "OPEN SINCE OFFSET"}};
    Json json = Json::array();
    for (const kafka::HangingTransaction& each : found) {
      rows.push_back({each.partition.to_string(), std::to_string(each.producer.id.value()),
                      std::to_string(each.producer.epoch),
                      std::to_string(each.producer.transaction_start->value())});
      Json row = {{"topic", each.partition.topic}, {"partition", each.partition.partition.value()}};
      row.update(producer_json(each.producer));
      json.push_back(std::move(row));
    }
    show(rows, json);
    co_return Result<>();
  }

  Task<Result<>> abort() {
    CO_TRY(const auto producers, co_await producers_of_partition());
    const auto at = std::ranges::find_if(producers, [&](const auto& each) {
      return each.transaction_start && each.transaction_start->value() == flags_.start;
    });
    if (at == producers.end()) {
      co_return fail(Errc::invalid_argument,
                     fmt::format("no transaction is open on {} since offset {}",
                                 partition().to_string(), flags_.start));
    }
    CO_CHECKED(
        co_await admin_.abort({.partition = partition(),
                               .producer_id = at->id,
                               .producer_epoch = ProducerEpoch(static_cast<int16_t>(at->epoch)),
                               .coordinator_epoch = at->coordinator_epoch.value_or(0)},
                              deadline_));
    print(fmt::format("aborted the transaction of producer {} on {}\n", at->id.value(),
                      partition().to_string()));
    co_return Result<>();
  }

  Task<Result<>> fence() {
    for (const std::string& id : flags_.ids) {
      const Result<> done = co_await admin_.force_terminate(id, deadline_);
      if (!done) co_return fail(done.error().code, id + ": " + words_of(done.error()));
      print(fmt::format("fenced {}\n", id));
    }
    co_return Result<>();
  }

 private:
  TopicPartition partition() const { return {flags_.topic, PartitionIndex(flags_.partition)}; }

  Task<Result<client::PartitionProducers>> producers_of_partition() {
    CO_TRY(const auto answers,
           co_await admin_.describe_producers({partition()}, std::nullopt, deadline_));
    const auto at = answers.find(partition());
    if (at == answers.end()) co_return fail(Errc::malformed, "no answer about the partition");
    co_return at->second;
  }

  static Json producer_json(const client::PartitionProducer& producer) {
    return {{"producer", producer.id.value()},
            {"epoch", producer.epoch},
            {"last_sequence", producer.last_sequence},
            {"last_timestamp", producer.last_timestamp.ms()},
            {"coordinator_epoch",
             producer.coordinator_epoch ? Json(*producer.coordinator_epoch) : Json(nullptr)},
            {"open_since", producer.transaction_start ? Json(producer.transaction_start->value())
                                                      : Json(nullptr)}};
  }

  void add_description(const std::string& id, const client::TransactionDescription& from,
                       Rows& rows, Json& json) {
    const int64_t now = context_.shard().clock().wall().ms();
    std::vector<std::string> partitions;
    for (const TopicPartition& each : from.partitions) partitions.push_back(each.to_string());
    const std::optional<int64_t> ms =
        from.start ? std::optional(now - from.start->ms()) : std::nullopt;
    rows.push_back({id, from.state, std::to_string(from.producer_id.value()),
                    std::to_string(from.producer_epoch.value()),
                    fmt::format("{} ms", to_ms(from.timeout)), ms ? fmt::format("{} ms", *ms) : "-",
                    partitions.empty() ? "-" : fmt::format("{}", fmt::join(partitions, " "))});
    json.push_back({{"id", id},
                    {"state", from.state},
                    {"producer", from.producer_id.value()},
                    {"epoch", from.producer_epoch.value()},
                    {"coordinator", from.coordinator.value()},
                    {"timeout_ms", to_ms(from.timeout)},
                    {"running_ms", ms ? Json(*ms) : Json(nullptr)},
                    {"partitions", partitions}});
  }

  void show(const Rows& rows, const Json& json) const {
    print(flags_.json ? json.dump(2) + "\n" : table(rows));
  }

  ClientContext& context_;
  const TxnFlags& flags_;
  client::TransactionAdmin admin_;
  const Deadline deadline_;
};

using Action = Task<Result<>> (TxnCommand::*)();

Task<int> run_action(ClientContext& context, const TxnFlags& flags, Action action) {
  TxnCommand command(context, flags);
  const Result<> result = co_await (command.*action)();
  std::fflush(stdout);
  co_return result ? 0 : complain("txn", result.error());
}

void add_subcommands(CLI::App& app, TxnFlags& flags, Action& action) {
  const auto subcommand = [&](const char* name, const char* words, Action what) {
    CLI::App* sub = app.add_subcommand(name, words);
    flags.client.add_to(*sub);
    sub->add_flag("--json", flags.json, "JSON instead of a table");
    sub->callback([&action, what] { action = what; });
    return sub;
  };
  const auto add_ids = [&](CLI::App* sub) {
    sub->add_option("id", flags.ids, "the transactional id")->required();
  };
  const auto add_partition = [&](CLI::App* sub) {
    sub->add_option("-t,--topic", flags.topic, "the topic")->required();
    sub->add_option("-p,--partition", flags.partition, "the partition")->capture_default_str();
  };
  subcommand("list", "list transactions", &TxnCommand::list);
  add_ids(subcommand("describe", "what is known of a transactional id", &TxnCommand::describe));
  add_partition(subcommand("producers", "who writes to a partition", &TxnCommand::producers));
  CLI::App* hanging =
      subcommand("hanging", "transactions that no coordinator means to end", &TxnCommand::hanging);
  hanging->add_option("-t,--topic", flags.topic, "only of this topic");
  hanging->add_option("--minutes", flags.minutes, "how old they must be")->capture_default_str();
  CLI::App* abort =
      subcommand("abort", "end a hanging transaction on a partition", &TxnCommand::abort);
  add_partition(abort);
  abort->add_option("--start", flags.start, "the offset where it begins")->required();
  add_ids(
      subcommand("fence", "shut a producer out and abort what it has open", &TxnCommand::fence));
}

}  // namespace

int run_txn(std::span<const std::string> arguments) {
  CLI::App app("Lists, describes and ends transactions.", "partita txn");
  app.require_subcommand(1);
  TxnFlags flags;
  Action action = nullptr;
  add_subcommands(app, flags, action);
  if (const auto code = parse(app, arguments)) return *code;
  auto settings = cluster_settings(flags.client.bootstrap, "partita-txn");
  if (!settings) return complain("txn", settings.error());
  return run_client(std::move(*settings),
                    [&](ClientContext& context) { return run_action(context, flags, action); });
}

}  // namespace partita::cli
