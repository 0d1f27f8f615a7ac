// kafka-transactions: Kafka's TransactionsCommand.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <set>

#include "cli/kafka/argument_parser.h"
#include "cli/kafka/hanging_transactions.h"
#include "cli/kafka/plain_table.h"
#include "cli/kafka/tool.h"
#include "cli/kafka/tools.h"
#include "cli/properties_file.h"
#include "client/transaction_admin.h"

namespace partita::cli::kafka {
namespace {

using client::TopicPartition;
using client::TransactionAdmin;

constexpr FlagRow kListFlags[] = {
    {.name = "--duration-filter",
     .short_name = "",
     .words = "Only transactions that run for longer, in milliseconds; all where it is negative."},
    {.name = "--transactional-id-pattern",
     .short_name = "",
     .words = "Only transactional ids that match this regular expression."},
};
constexpr FlagRow kIdFlags[] = {
    {.name = "--transactional-id", .short_name = "", .words = "The id.", .required = true},
};
constexpr FlagRow kTerminateFlags[] = {
    {.name = "--transactionalId", .short_name = "", .words = "The id.", .required = true},
};
constexpr FlagRow kBroker = {
    .name = "--broker-id", .short_name = "", .words = "Ask this replica, or look only there."};
constexpr FlagRow kTopic = {
    .name = "--topic", .short_name = "", .words = "The topic.", .required = true};
constexpr FlagRow kPartition = {
    .name = "--partition", .short_name = "", .words = "The partition.", .required = true};
constexpr FlagRow kProducersFlags[] = {kBroker, kTopic, kPartition};
constexpr FlagRow kAbortFlags[] = {
    kTopic,
    kPartition,
    {.name = "--start-offset",
     .short_name = "",
     .words = "Where the transaction begins: all that brokers since 3.0 need."},
    {.name = "--producer-id", .short_name = "", .words = "Its producer, for older brokers."},
    {.name = "--producer-epoch", .short_name = "", .words = "Of that producer."},
    {.name = "--coordinator-epoch", .short_name = "", .words = "Of its coordinator."},
};
constexpr FlagRow kHangingFlags[] = {
    kBroker,
    {.name = "--max-transaction-timeout",
     .short_name = "",
     .words = "How old a transaction must be, in minutes; 15 unless told."},
    {.name = "--topic", .short_name = "", .words = "Only this topic."},
    {.name = "--partition", .short_name = "", .words = "Only this partition of it."},
};

constexpr CommandRow kCommands[] = {
    {"list", "list transactions", kListFlags},
    {"describe", "describe the state of an active transactional-id", kIdFlags},
    {"describe-producers", "describe the states of active producers for a topic partition",
     kProducersFlags},
    {"abort", "abort a hanging transaction (requires administrative privileges)", kAbortFlags},
    {"find-hanging", "find hanging transactions", kHangingFlags},
    {"forceTerminateTransaction",
     "Force abort an ongoing transaction on transactionalId (requires administrative privileges)",
     kTerminateFlags},
};

constexpr std::string_view kProgram = "kafka-transactions.sh";
constexpr std::string_view kPurpose =
    "This tool is used to analyze the transactional state of producers in the cluster. It can be "
    "used to detect and recover from hanging transactions.";

/// With what went wrong beneath, as the Java tool says it.
Error failure(std::string_view what, const Error& cause) {
  return {cause.code, fmt::format("{}: {}. Enable debug logging for additional detail.", what,
                                  java_message(cause))};
}

/// Nothing where the flag is missing.
template <class Number>
Result<std::optional<Number>> number_of(const Arguments& given, std::string_view flag) {
  const auto text = given.value(flag);
  if (!text) return std::nullopt;
  Number number{};
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error == std::errc() && end == text->data() + text->size()) return number;
  return fail(Errc::invalid_argument,
              fmt::format("{}: error: argument {}: could not convert '{}' to a number", kProgram,
                          flag, *text));
}

Result<TopicPartition> partition_of(const Arguments& given) {
  TRY(const auto index, number_of<int32_t>(given, "--partition"));
  return TopicPartition{given.value("--topic").value_or(""), PartitionIndex(*index)};
}

std::string offset_text(const std::optional<Offset>& offset) {
  return offset ? std::to_string(offset->value()) : "None";
}

class TransactionsTool {
 public:
  TransactionsTool(ClientContext& context, const Arguments& given)
      : context_(context),
        given_(given),
        admin_(context.scope, context.cluster),
        deadline_(context.now() + kApiTimeout) {}

  Task<Result<>> run() {
    const std::string& command = given_.command();
    if (command == "list") co_return co_await list();
    if (command == "describe") co_return co_await describe();
    if (command == "describe-producers") co_return co_await describe_producers();
    if (command == "abort") co_return co_await abort();
    if (command == "find-hanging") co_return co_await find_hanging();
    co_return co_await force_terminate();
  }

 private:
  Task<Result<>> list() {
    client::TransactionFilter filter;
    CO_TRY(const auto duration, number_of<int64_t>(given_, "--duration-filter"));
    if (duration && *duration >= 0) filter.longer_than = from_ms(*duration);
    filter.id_pattern = given_.value("--transactional-id-pattern");
    const auto listed = co_await admin_.list(std::move(filter), deadline_);
    if (!listed) {
      co_return std::unexpected(failure("Failed to list transactions", listed.error()));
    }
    PlainTable table({"TransactionalId", "Coordinator", "ProducerId", "TransactionState"});
    for (const client::TransactionListing& each : *listed) {
      table.add({each.transactional_id, std::to_string(each.coordinator.value()),
                 std::to_string(each.producer_id.value()), each.state});
    }
    table.print();
    co_return Result<>();
  }

  Task<Result<>> describe() {
    const std::string id = *given_.value("--transactional-id");
    const std::string what =
        fmt::format("Failed to describe transaction state of transactional-id `{}`", id);
    const auto outcomes = co_await admin_.describe({id}, deadline_);
    if (!outcomes) co_return std::unexpected(failure(what, outcomes.error()));
    const auto& result = outcomes->front().result;
    if (!result && result.error().code == Errc::transactional_id_not_found) {
      co_return std::unexpected(failure(
          what, {result.error().code,
                 fmt::format("DescribeTransactions request for transactionalId `{}` failed because "
                             "the ID could not be found",
                             id)}));
    }
    if (!result) co_return std::unexpected(failure(what, result.error()));
    std::string start = "None";
    std::string duration = "None";
    if (result->start) {
      start = std::to_string(result->start->ms());
      duration = std::to_string(context_.shard().clock().wall().ms() - result->start->ms());
    }
    std::vector<std::string> partitions;
    for (const TopicPartition& each : result->partitions) partitions.push_back(each.to_string());
    PlainTable table({"CoordinatorId", "TransactionalId", "ProducerId", "ProducerEpoch",
                      "TransactionState", "TransactionTimeoutMs", "CurrentTransactionStartTimeMs",
                      "TransactionDurationMs", "TopicPartitions"});
    table.add({std::to_string(result->coordinator.value()), id,
               std::to_string(result->producer_id.value()),
               std::to_string(result->producer_epoch.value()), result->state,
               std::to_string(to_ms(result->timeout)), start, duration,
               fmt::format("{}", fmt::join(partitions, ","))});
    table.print();
    co_return Result<>();
  }

  /// Of one partition, by its leader or a broker; `what` is said where that fails.
  Task<Result<client::PartitionProducers>> producers_of(TopicPartition partition,
                                                        std::optional<NodeId> broker,
                                                        std::string what) {
    const auto answers = co_await admin_.describe_producers({partition}, broker, deadline_);
    if (!answers) co_return std::unexpected(failure(what, answers.error()));
    const auto at = answers->find(partition);
    if (at == answers->end()) {
      co_return std::unexpected(failure(what, {Errc::malformed, "no answer"}));
    }
    if (!at->second) co_return std::unexpected(failure(what, at->second.error()));
    co_return *at->second;
  }

  Task<Result<>> describe_producers() {
    CO_TRY(const TopicPartition partition, partition_of(given_));
    CO_TRY(const auto broker, number_of<int32_t>(given_, "--broker-id"));
    const std::string where = broker ? fmt::format("broker {}", *broker) : "leader";
    CO_TRY(const auto producers,
           co_await producers_of(partition, broker ? std::optional(NodeId(*broker)) : std::nullopt,
                                 fmt::format("Failed to describe producers for partition {} on {}",
                                             partition.to_string(), where)));
    PlainTable table({"ProducerId", "ProducerEpoch", "LatestCoordinatorEpoch", "LastSequence",
                      "LastTimestamp", "CurrentTransactionStartOffset"});
    for (const client::PartitionProducer& each : producers) {
      table.add({std::to_string(each.id.value()), std::to_string(each.epoch),
                 std::to_string(each.coordinator_epoch.value_or(-1)),
                 std::to_string(each.last_sequence), std::to_string(each.last_timestamp.ms()),
                 offset_text(each.transaction_start)});
    }
    table.print();
    co_return Result<>();
  }

  Task<Result<>> abort() {
    CO_TRY(const TopicPartition partition, partition_of(given_));
    CO_TRY(const auto start, number_of<int64_t>(given_, "--start-offset"));
    CO_TRY(const auto producer, number_of<int64_t>(given_, "--producer-id"));
    CO_TRY(const auto epoch, number_of<int16_t>(given_, "--producer-epoch"));
    CO_TRY(const auto coordinator, number_of<int32_t>(given_, "--coordinator-epoch"));
    client::TransactionToAbort transaction{
        .partition = partition, .producer_id = kNoProducerId, .producer_epoch = kNoProducerEpoch};
    if (start) {
      CO_TRY(transaction, co_await transaction_at(partition, Offset(*start)));
    } else if (!producer) {
      co_return fail(Errc::invalid_argument,
                     "The transaction to abort must be identified either with --start-offset (for "
                     "brokers on 3.0 or above) or with --producer-id, --producer-epoch, and "
                     "--coordinator-epoch (for older brokers)");
    } else if (!epoch) {
      co_return fail(Errc::invalid_argument, "Missing required argument --producer-epoch");
    } else if (!coordinator) {
      co_return fail(Errc::invalid_argument, "Missing required argument --coordinator-epoch");
    } else {
      transaction.producer_id = ProducerId(*producer);
      transaction.producer_epoch = ProducerEpoch(*epoch);
      transaction.coordinator_epoch = std::max(*coordinator, 0);
    }
    const Result<> aborted = co_await admin_.abort(transaction, deadline_);
    if (aborted) co_return Result<>();
    co_return std::unexpected(
        failure(fmt::format("Failed to abort transaction AbortTransactionSpec(topicPartition={}, "
                            "producerId={}, producerEpoch={}, coordinatorEpoch={})",
                            partition.to_string(), transaction.producer_id.value(),
                            transaction.producer_epoch.value(), transaction.coordinator_epoch),
                aborted.error()));
  }

  Task<Result<client::TransactionToAbort>> transaction_at(TopicPartition partition, Offset start) {
    CO_TRY(const auto producers,
           co_await producers_of(partition, std::nullopt,
                                 fmt::format("Failed to validate producer state for partition {}",
                                             partition.to_string())));
    for (const client::PartitionProducer& each : producers) {
      if (each.transaction_start != start) continue;
      co_return client::TransactionToAbort{
          .partition = partition,
          .producer_id = each.id,
          .producer_epoch = ProducerEpoch(static_cast<int16_t>(each.epoch)),
          .coordinator_epoch = each.coordinator_epoch.value_or(0)};
    }
    co_return fail(Errc::invalid_argument,
                   fmt::format("Could not find any open transactions starting at offset {} on "
                               "partition {}",
                               start.value(), partition.to_string()));
  }

  Task<Result<>> find_hanging() {
    HangingSearch search;
    CO_TRY(const auto broker, number_of<int32_t>(given_, "--broker-id"));
    CO_TRY(const auto minutes, number_of<int32_t>(given_, "--max-transaction-timeout"));
    CO_TRY(const auto partition, number_of<int32_t>(given_, "--partition"));
    if (broker) search.broker = NodeId(*broker);
    if (minutes) search.older_than = std::chrono::minutes(*minutes);
    if (partition) search.partition = PartitionIndex(*partition);
    search.topic = given_.value("--topic");
    if (!search.topic && !search.broker) {
      co_return fail(Errc::invalid_argument,
                     "The `find-hanging` command requires either --topic or --broker-id to limit "
                     "the scope of the search");
    }
    if (search.partition && !search.topic) {
      co_return fail(Errc::invalid_argument,
                     "The --partition argument requires --topic to be provided");
    }
    const auto found = co_await find_hanging_transactions(context_, search, deadline_);
    if (!found) co_return std::unexpected(failure("Failed to search", found.error()));
    const int64_t now = context_.shard().clock().wall().ms();
    PlainTable table({"Topic", "Partition", "ProducerId", "ProducerEpoch", "CoordinatorEpoch",
                      "StartOffset", "LastTimestamp", "Duration(min)"});
    for (const HangingTransaction& each : *found) {
      constexpr int64_t kMsAMinute = 60'000;
      table.add({each.partition.topic, std::to_string(each.partition.partition.value()),
                 std::to_string(each.producer.id.value()), std::to_string(each.producer.epoch),
                 std::to_string(each.producer.coordinator_epoch.value_or(-1)),
                 offset_text(each.producer.transaction_start),
                 std::to_string(each.producer.last_timestamp.ms()),
                 std::to_string((now - each.producer.last_timestamp.ms()) / kMsAMinute)});
    }
    table.print();
    co_return Result<>();
  }

  Task<Result<>> force_terminate() {
    const std::string id = *given_.value("--transactionalId");
    const Result<> done = co_await admin_.force_terminate(id, deadline_);
    if (done) co_return Result<>();
    co_return std::unexpected(
        failure(fmt::format("Failed to force terminate transactionalId `{}`", id), done.error()));
  }

  ClientContext& context_;
  const Arguments& given_;
  TransactionAdmin admin_;
  const Deadline deadline_;
};

int complain(std::string_view words) {
  std::fputs(fmt::format("{}\n", words).c_str(), stderr);
  return 1;
}

Task<int> run_tool(ClientContext& context, const Arguments& given) {
  TransactionsTool tool(context, given);
  const Result<> result = co_await tool.run();
  std::fflush(stdout);
  co_return result ? 0 : complain(result.error().detail);
}

/// The flags that stand before the command.
struct BaseFlags {
  std::optional<std::string> bootstrap;
  std::optional<std::string> config;
  bool version = false;
};

/// What is left when `flags` have been taken from the front.
Result<std::span<const std::string>> take_base_flags(std::span<const std::string> arguments,
                                                     BaseFlags& flags) {
  while (!arguments.empty() && arguments[0].starts_with("-")) {
    const std::string& word = arguments[0];
    if (word == "-h" || word == "--help") return arguments;
    if (word == "-v" || word == "--version") {
      flags.version = true;
      return arguments.subspan(1);
    }
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const bool server = name == "--bootstrap-server";
    if (!server && name != "--command-config") {
      return fail(Errc::invalid_argument,
                  fmt::format("{}: error: unrecognized arguments: '{}'", kProgram, word));
    }
    size_t used = 1;
    std::optional<std::string> value;
    if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (arguments.size() > 1) {
      value = arguments[1];
      used = 2;
    } else {
      return fail(Errc::invalid_argument,
                  fmt::format("{}: error: argument {}: expected one argument", kProgram, name));
    }
    (server ? flags.bootstrap : flags.config) = value;
    arguments = arguments.subspan(used);
  }
  return arguments;
}

Result<client::ClusterSettings> settings_of(const BaseFlags& flags) {
  TRY(client::ClusterSettings settings, cluster_settings(*flags.bootstrap, "adminclient-1"));
  if (flags.config) {
    const auto properties = read_properties_file(*flags.config);
    if (!properties) {
      return std::unexpected(failure("Failed to load admin client properties", properties.error()));
    }
    CHECKED(apply_client_configs(*properties, settings));
  }
  return settings;
}

}  // namespace

int run_transactions(std::span<const std::string> arguments) {
  BaseFlags flags;
  const auto rest = take_base_flags(arguments, flags);
  if (!rest) return complain(rest.error().detail);
  if (flags.version) {
    std::puts(std::string(kKafkaVersion).c_str());
    return 0;
  }
  const ArgumentParser parser(kProgram, kPurpose, kCommands);
  const auto given = parser.parse(*rest);
  if (!given) return complain(given.error().detail);
  if (!*given) return 0;
  if (!flags.bootstrap) {
    return complain(fmt::format("{}: error: argument --bootstrap-server is required", kProgram));
  }
  auto settings = settings_of(flags);
  if (!settings) return complain(settings.error().detail);
  return run_client(std::move(*settings),
                    [&](ClientContext& context) { return run_tool(context, **given); });
}

}  // namespace partita::cli::kafka
