#include "broker/settings.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/log.h"

namespace partita::broker {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kInt = std::numeric_limits<int32_t>::max();
using enum SettingType;

constexpr SettingRow kRows[] = {
    {"add.partitions.to.txn.retry.backoff.max.ms", milliseconds, "100", 0, kInt,
     "A produce request waits so long for the end of the producer's transaction before."},
    {"add.partitions.to.txn.retry.backoff.ms", milliseconds, "20", 1, kInt,
     "Between two looks whether it has ended."},
    {"advertised.listeners", list, "", kMin, kMax,
     "What clients are told to connect to; the listeners where empty."},
    {"auto.create.topics.enable", boolean, "true", kMin, kMax,
     "Whether metadata requests create topics that are missing."},
    {"broker.heartbeat.interval.ms", milliseconds, "2000", 1, kInt,
     "Between two heartbeats to the controller."},
    {"broker.rack", text, "", kMin, kMax, "The rack, for placement."},
    {"broker.session.timeout.ms", milliseconds, "9000", 1, kInt,
     "Without a heartbeat for so long a broker is fenced."},
    {"cluster.id", text, "", kMin, kMax,
     "The cluster's id for formatting an empty directory; random where empty."},
    {"compat.old.versions", boolean, "true", kMin, kMax,
     "Whether request versions that Kafka 4 has dropped are served for old tools."},
    {"compression.gzip.level", int32, "-1", -1, 9, "Level of the topic codec gzip."},
    {"compression.lz4.level", int32, "9", 1, 17, "Level of the topic codec lz4."},
    {"compression.type", text, "producer", kMin, kMax,
     "The topic codec; `producer` keeps what the producer chose."},
    {"compression.zstd.level", int32, "3", -131072, 22, "Level of the topic codec zstd."},
    {"connections.max.idle.ms", milliseconds, "600000", -1, kMax,
     "An idle connection is closed after this."},
    {"controller.listener.names", list, "", kMin, kMax,
     "Names of the listeners that controllers use."},
    {"controller.quorum.bootstrap.servers", list, "", kMin, kMax, "Where the quorum is found."},
    {"controller.quorum.voters", list, "", kMin, kMax, "The voters of a static quorum."},
    {"default.replication.factor", int32, "1", 1, 32767,
     "Replicas of topics that are created without a factor."},
    {"delete.topic.enable", boolean, "true", kMin, kMax, "Whether topics may be deleted."},
    {"durability", text, "fsync", kMin, kMax,
     "fsync: acknowledged is on disk; interval: flushed within durability.interval.*; os: as the "
     "system writes back."},
    {"durability.interval.bytes", int64, "262144", 1, kMax,
     "Unflushed bytes of a partition at the most, for durability=interval."},
    {"durability.interval.ms", milliseconds, "100", 1, kInt,
     "Age of unflushed bytes at the most, for durability=interval."},
    {"fetch.max.bytes", int32, "57671680", 1024, kInt, "Bytes of one fetch response at the most."},
    {"group.consumer.assignors", list, "uniform,range", kMin, kMax,
     "Assignors of consumer groups, of `uniform` and `range`; the first is the default."},
    {"group.consumer.heartbeat.interval.ms", milliseconds, "5000", 1, kInt,
     "Between two heartbeats of a consumer group's member."},
    {"group.consumer.max.heartbeat.interval.ms", milliseconds, "15000", 1, kInt,
     "The most that a group's own heartbeat interval may be."},
    {"group.consumer.max.session.timeout.ms", milliseconds, "60000", 1, kInt,
     "The most that a group's own session timeout may be."},
    {"group.consumer.max.size", int32, "2147483647", 1, kInt,
     "Members of a consumer group at the most."},
    {"group.consumer.migration.policy", text, "bidirectional", kMin, kMax,
     "Which groups may change between the classic and the consumer protocol while they run: "
     "disabled, upgrade, downgrade, bidirectional."},
    {"group.consumer.min.heartbeat.interval.ms", milliseconds, "5000", 1, kInt,
     "The least that a group's own heartbeat interval may be."},
    {"group.consumer.min.session.timeout.ms", milliseconds, "45000", 1, kInt,
     "The least that a group's own session timeout may be."},
    {"group.consumer.regex.refresh.interval.ms", milliseconds, "600000", 10'000, kInt,
     "Between two looks for topics that a group's regular expressions match."},
    {"group.consumer.session.timeout.ms", milliseconds, "45000", 1, kInt,
     "Without a heartbeat for so long a consumer group's member is removed."},
    {"group.initial.rebalance.delay.ms", milliseconds, "3000", 0, kInt,
     "How long an empty classic group waits for more members before its first rebalance."},
    {"group.max.session.timeout.ms", milliseconds, "1800000", 1, kInt,
     "The longest session that a classic group's member may ask for."},
    {"group.max.size", int32, "2147483647", 1, kInt, "Members of a classic group at the most."},
    {"group.min.session.timeout.ms", milliseconds, "6000", 1, kInt,
     "The shortest session that a classic group's member may ask for."},
    {"inter.broker.listener.name", text, "", kMin, kMax,
     "The listener that brokers use among each other."},
    {"listener.security.protocol.map", list, "", kMin, kMax,
     "Security protocol of each listener name."},
    {"listeners", list, "PLAINTEXT://:9092", kMin, kMax, "Where the broker listens."},
    {"log.cleanup.policy", list, "delete", kMin, kMax, "delete, compact, or both."},
    {"log.dir", text, "/tmp/kafka-logs", kMin, kMax,
     "The directory of the logs, where log.dirs is not given."},
    {"log.dirs", list, "", kMin, kMax, "The directory of the logs."},
    {"log.flush.interval.messages", int64, "9223372036854775807", 1, kMax,
     "1: every append is flushed before it is acknowledged."},
    {"log.flush.interval.ms", milliseconds, "9223372036854775807", 0, kMax,
     "Unflushed records are flushed after this."},
    {"log.flush.offset.checkpoint.interval.ms", milliseconds, "60000", 0, kInt,
     "Between two recovery point checkpoints."},
    {"log.flush.start.offset.checkpoint.interval.ms", milliseconds, "60000", 0, kInt,
     "Between two log start checkpoints."},
    {"log.index.interval.bytes", int32, "4096", 0, kInt, "Bytes of log between two index entries."},
    {"log.index.size.max.bytes", int32, "10485760", 4, kInt, "Bytes of one index at the most."},
    {"log.message.timestamp.after.max.ms", int64, "3600000", 0, kMax,
     "How far ahead of the broker a timestamp may be."},
    {"log.message.timestamp.before.max.ms", int64, "9223372036854775807", 0, kMax,
     "How far behind the broker a timestamp may be."},
    {"log.message.timestamp.type", text, "CreateTime", kMin, kMax, "CreateTime or LogAppendTime."},
    {"log.preallocate", boolean, "false", kMin, kMax, "Accepted; files grow as they are written."},
    {"log.retention.bytes", int64, "-1", -1, kMax, "Bytes of a partition that are kept; -1 all."},
    {"log.retention.check.interval.ms", milliseconds, "300000", 1, kMax,
     "Between two looks for segments to delete."},
    {"log.retention.hours", int32, "168", kMin, kInt,
     "How long records are kept, where minutes and ms are not given."},
    {"log.retention.minutes", int32, "", kMin, kInt,
     "How long records are kept, where ms is not given."},
    {"log.retention.ms", int64, "", kMin, kMax, "How long records are kept; -1 for ever."},
    {"log.roll.hours", int32, "168", 1, kInt,
     "Age at which a segment is rolled, where ms is not given."},
    {"log.roll.jitter.hours", int32, "0", 0, kInt,
     "Random part taken off that age, where ms is not given."},
    {"log.roll.jitter.ms", int64, "", 0, kMax,
     "Random part taken off the age at which a segment is rolled."},
    {"log.roll.ms", int64, "", 1, kMax, "Age at which a segment is rolled."},
    {"log.segment.bytes", int32, "1073741824", 1048576, kInt, "Bytes of a segment at the most."},
    {"log.segment.delete.delay.ms", milliseconds, "60000", 0, kMax,
     "Between a file's removal from the log and from the disk."},
    {"max.connections", int32, "2147483647", 0, kInt, "Connections at the most."},
    {"max.connections.per.ip", int32, "2147483647", 0, kInt,
     "Connections of one address at the most."},
    {"max.incremental.fetch.session.cache.slots", int32, "1000", 0, kInt,
     "Fetch sessions at the most."},
    {"max.partitions", int64, "100000", 1, kInt, "Partitions of the whole broker at the most."},
    {"message.max.bytes", int32, "1048588", 0, kInt, "Bytes of a record batch at the most."},
    {"min.insync.replicas", int32, "1", 1, kInt, "In-sync replicas that acks=all needs."},
    {"node.id", int32, "", 0, kInt,
     "The node's id; from meta.properties, else 1, where not given."},
    {"num.partitions", int32, "1", 1, kInt,
     "Partitions of topics that are created without a count."},
    {"offset.metadata.max.bytes", int32, "4096", 0, kInt,
     "Length of the metadata of a committed offset at the most."},
    {"offsets.commit.timeout.ms", milliseconds, "5000", 1, kInt,
     "A commit that is not replicated by then is answered as failed."},
    {"offsets.retention.check.interval.ms", milliseconds, "600000", 1, kMax,
     "Between two looks for committed offsets that are too old."},
    {"offsets.retention.minutes", int32, "10080", 1, kInt,
     "How long committed offsets are kept when nobody reads any more."},
    {"offsets.topic.compression.codec", int32, "0", 0, 4,
     "Codec of the records of __consumer_offsets: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd."},
    {"offsets.topic.num.partitions", int32, "50", 1, 10'000,
     "Partitions of __consumer_offsets when it is made."},
    {"offsets.topic.replication.factor", int32, "3", 1, 32767,
     "Replicas of __consumer_offsets when it is made; fewer where fewer brokers are alive."},
    {"offsets.topic.segment.bytes", int32, "104857600", 1, kInt,
     "Size of the segments of __consumer_offsets."},
    {"process.roles", list, "broker,controller", kMin, kMax, "The roles of this process."},
    {"producer.id.expiration.ms", milliseconds, "86400000", 1, kInt,
     "An idle producer's state is forgotten after this."},
    {"replica.high.watermark.checkpoint.interval.ms", milliseconds, "5000", 1, kMax,
     "Between two high watermark checkpoints."},
    {"replica.lag.time.max.ms", milliseconds, "30000", 1, kMax,
     "A replica that is behind for so long leaves the ISR."},
    {"shards", int32, "0", 0, 1024,
     "Threads with connections and partitions of their own; 0 is half of the cores."},
    {"socket.request.max.bytes", int32, "104857600", 1, kInt, "Bytes of a request at the most."},
    {"tail.ring.bytes", int64, "2097152", 0, kMax,
     "Memory of a shard for the batches appended last."},
    {"transaction.abort.timed.out.transaction.cleanup.interval.ms", milliseconds, "10000", 1, kInt,
     "Accepted; a transaction is aborted at its timeout, not at the next look."},
    {"transaction.max.timeout.ms", milliseconds, "900000", 1, kInt,
     "The longest timeout that a transactional producer may ask for."},
    {"transaction.partition.verification.enable", boolean, "true", kMin, kMax,
     "Whether a partition is looked up in its transaction before it is written to."},
    {"transaction.remove.expired.transaction.cleanup.interval.ms", milliseconds, "3600000", 1, kInt,
     "Accepted; an idle transactional id is forgotten when it expires, not at the next look."},
    {"transaction.state.log.load.buffer.size", int32, "5242880", 1, kInt,
     "Accepted; loading reads in pieces of its own size."},
    {"transaction.state.log.min.isr", int32, "2", 1, 32767,
     "min.insync.replicas of __transaction_state; at most its replicas."},
    {"transaction.state.log.num.partitions", int32, "50", 1, 10'000,
     "Partitions of __transaction_state when it is made."},
    {"transaction.state.log.replication.factor", int32, "3", 1, 32767,
     "Replicas of __transaction_state when it is made; fewer where fewer brokers are alive."},
    {"transaction.state.log.segment.bytes", int32, "104857600", 1, kInt,
     "Size of the segments of __transaction_state."},
    {"transactional.id.expiration.ms", milliseconds, "604800000", 1, kInt,
     "An idle transactional id is forgotten after this."},
    {"transactional.ids.max", int32, "20000", 1, kInt,
     "Transactional ids of one partition of __transaction_state; beyond it the one that is idle "
     "longest is forgotten."},
    {"unclean.leader.election.enable", boolean, "false", kMin, kMax,
     "Whether a replica out of sync may lead."},
};

Error bad(std::string_view name, std::string_view value, std::string_view why) {
  return {Errc::invalid_argument,
          fmt::format("Invalid value {} for configuration {}: {}", value, name, why)};
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<int64_t> parse_number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<> check_row(const SettingRow& row, std::string_view value) {
  switch (row.type) {
    case boolean:
      if (value != "true" && value != "false") {
        return std::unexpected(bad(row.name, value, "Expected value to be either true or false"));
      }
      return {};
    case int32:
    case int64:
    case milliseconds: {
      const auto number = parse_number(value);
      if (!number) return std::unexpected(bad(row.name, value, "Not a number"));
      if (*number < row.least) {
        return std::unexpected(
            bad(row.name, value, fmt::format("Value must be at least {}", row.least)));
      }
      if (*number > row.most) {
        return std::unexpected(
            bad(row.name, value, fmt::format("Value must be no more than {}", row.most)));
      }
      return {};
    }
    case text:
    case list: return {};
  }
  return {};
}

/// Reads rows that were checked before.
class Reader {
 public:
  explicit Reader(const Settings& settings) : settings_(settings) {}

  std::string text(std::string_view name) const {
    return setting_text(settings_, name).value_or("");
  }
  bool flag(std::string_view name) const { return text(name) == "true"; }
  int64_t number(std::string_view name) const { return parse_number(text(name)).value_or(0); }
  int32_t small(std::string_view name) const { return static_cast<int32_t>(number(name)); }
  Duration ms(std::string_view name) const {
    constexpr int64_t kLongest = to_ms(Duration::max());
    const int64_t count = number(name);
    return count < 0 || count >= kLongest ? Duration::max() : from_ms(count);
  }

 private:
  const Settings& settings_;
};

void read_limits(const Reader& read, Settings& out) {
  out.request_bytes_max = read.small("socket.request.max.bytes");
  out.connections_max = read.small("max.connections");
  out.connections_max_per_ip = read.small("max.connections.per.ip");
  out.connections_idle_max = read.ms("connections.max.idle.ms");
  out.fetch_bytes_max = read.small("fetch.max.bytes");
  out.fetch_session_slots = read.small("max.incremental.fetch.session.cache.slots");
  out.old_versions = read.flag("compat.old.versions");
  out.partitions_max = read.number("max.partitions");
  out.tail_ring_bytes = read.number("tail.ring.bytes");
}

void read_intervals(const Reader& read, Settings& out) {
  out.retention_check_interval = read.ms("log.retention.check.interval.ms");
  out.high_watermark_checkpoint_interval = read.ms("replica.high.watermark.checkpoint.interval.ms");
  out.recovery_point_checkpoint_interval = read.ms("log.flush.offset.checkpoint.interval.ms");
  out.log_start_checkpoint_interval = read.ms("log.flush.start.offset.checkpoint.interval.ms");
  out.producer_id_expiration = read.ms("producer.id.expiration.ms");
  out.broker_heartbeat_interval = read.ms("broker.heartbeat.interval.ms");
  out.broker_session_timeout = read.ms("broker.session.timeout.ms");
  out.replica_lag_time_max = read.ms("replica.lag.time.max.ms");
  out.transaction_partition_verification = read.flag("transaction.partition.verification.enable");
  out.add_partitions_retry_max = read.ms("add.partitions.to.txn.retry.backoff.max.ms");
  out.add_partitions_retry_backoff = read.ms("add.partitions.to.txn.retry.backoff.ms");
}

Result<> read_durability(const Reader& read, Settings& out) {
  const std::string word = read.text("durability");
  if (word == "fsync") {
    out.durability = Durability::fsync;
  } else if (word == "interval") {
    out.durability = Durability::interval;
  } else if (word == "os") {
    out.durability = Durability::os;
  } else {
    return std::unexpected(bad("durability", word, "String must be one of: fsync, interval, os"));
  }
  out.durability_interval = read.ms("durability.interval.ms");
  out.durability_interval_bytes = read.number("durability.interval.bytes");
  return {};
}

Result<> read_identity(const Reader& read, Settings& out) {
  out.node_id = read.text("node.id").empty() ? -1 : read.small("node.id");
  out.cluster_id = read.text("cluster.id");
  out.log_dir = read.text("log.dirs").empty() ? read.text("log.dir") : read.text("log.dirs");
  if (out.log_dir.find(',') != std::string::npos) {
    return std::unexpected(bad("log.dirs", out.log_dir, "One directory is served per process"));
  }
  out.controller_listener_names = read.text("controller.listener.names");
  out.rack = read.text("broker.rack");
  out.shards = read.small("shards");
  return {};
}

bool names_controller(const Settings& settings, std::string_view name) {
  std::string_view names = settings.controller_listener_names;
  while (!names.empty()) {
    const size_t comma = std::min(names.find(','), names.size());
    if (trimmed(names.substr(0, comma)) == name) return true;
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return false;
}

Result<> read_listeners(const Reader& read, Settings& out) {
  TRY(out.listeners, parse_listeners(read.text("listeners")));
  TRY(out.advertised_listeners, parse_listeners(read.text("advertised.listeners")));
  // The controller's listeners of a combined node carry raft between nodes; a quorum of one has
  // none to talk to.
  std::erase_if(out.listeners, [&](const auto& l) { return names_controller(out, l.name); });
  std::erase_if(out.advertised_listeners,
                [&](const auto& l) { return names_controller(out, l.name); });
  if (out.listeners.empty()) {
    return std::unexpected(
        bad("listeners", read.text("listeners"), "There is no listener for clients"));
  }
  for (const ListenerAddress& told : out.advertised_listeners) {
    if (std::ranges::none_of(out.listeners, [&](const auto& l) { return l.name == told.name; })) {
      return std::unexpected(bad("advertised.listeners", told.name, "No listener has this name"));
    }
  }
  return {};
}

Result<> check_order(const Reader& read, std::string_view less, std::string_view more) {
  if (read.number(less) <= read.number(more)) return {};
  return std::unexpected(
      bad(less, read.text(less), fmt::format("It must be at most {}", quoted(more))));
}

Result<> check_words(std::string_view name, std::string_view words,
                     std::initializer_list<std::string_view> known) {
  if (words.empty()) return std::unexpected(bad(name, words, "It names nothing"));
  while (!words.empty()) {
    const size_t comma = std::min(words.find(','), words.size());
    const std::string_view word = trimmed(words.substr(0, comma));
    if (std::ranges::find(known, word) == known.end()) {
      return std::unexpected(bad(name, word, "Nobody here knows it"));
    }
    words.remove_prefix(std::min(comma + 1, words.size()));
  }
  return {};
}

Result<> check_groups(const Reader& read) {
  CHECKED(check_order(read, "group.min.session.timeout.ms", "group.max.session.timeout.ms"));
  for (const std::string_view what : {"session.timeout.ms", "heartbeat.interval.ms"}) {
    const std::string value = fmt::format("group.consumer.{}", what);
    CHECKED(check_order(read, fmt::format("group.consumer.min.{}", what), value));
    CHECKED(check_order(read, value, fmt::format("group.consumer.max.{}", what)));
  }
  CHECKED(check_words("group.consumer.assignors", read.text("group.consumer.assignors"),
                      {"uniform", "range"}));
  std::string policy = read.text("group.consumer.migration.policy");
  std::ranges::transform(policy, policy.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return check_words("group.consumer.migration.policy", policy,
                     {"disabled", "upgrade", "downgrade", "bidirectional"});
}

}  // namespace

const std::vector<SettingRow>& setting_rows() {
  static const std::vector<SettingRow> rows(std::begin(kRows), std::end(kRows));
  return rows;
}

const SettingRow* find_setting(std::string_view name) {
  const auto found = std::ranges::lower_bound(kRows, name, {}, &SettingRow::name);
  return found != std::end(kRows) && found->name == name ? found : nullptr;
}

std::optional<std::string> setting_text(const Settings& settings, std::string_view name) {
  if (const auto given = settings.given.find(name); given != settings.given.end())
    return given->second.value;
  const SettingRow* row = find_setting(name);
  if (row == nullptr) return std::nullopt;
  return std::string(row->default_value);
}

Result<std::vector<ListenerAddress>> parse_listeners(std::string_view text) {
  std::vector<ListenerAddress> listeners;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view one = trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    const size_t scheme = one.find("://");
    const size_t colon = one.rfind(':');
    if (scheme == std::string_view::npos || scheme == 0 || colon == std::string_view::npos ||
        colon < scheme + 3) {
      return fail(Errc::invalid_argument,
                  fmt::format("Unable to parse {} to a broker endpoint", quoted(one)));
    }
    const auto port = parse_number(one.substr(colon + 1));
    if (!port || *port < 0 || *port > 65535) {
      return fail(Errc::invalid_argument,
                  fmt::format("Unable to parse {} to a broker endpoint", quoted(one)));
    }
    std::string_view host = one.substr(scheme + 3, colon - scheme - 3);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host == "0.0.0.0") host = "";
    ListenerAddress address{std::string(one.substr(0, scheme)), std::string(host),
                            static_cast<uint16_t>(*port)};
    if (std::ranges::any_of(listeners, [&](const auto& l) { return l.name == address.name; })) {
      return fail(Errc::invalid_argument,
                  "Each listener must have a different name, listeners: " + address.name);
    }
    listeners.push_back(std::move(address));
  }
  return listeners;
}

Result<Settings> parse_settings(std::map<std::string, Settings::Given, std::less<>> given,
                                std::vector<std::string>* unknown) {
  Settings out;
  for (auto& [name, entry] : given) {
    entry.value = trimmed(entry.value);
    const SettingRow* row = find_setting(name);
    if (row == nullptr) {
      if (unknown != nullptr) unknown->push_back(name);
    } else if (!entry.value.empty() || row->type == boolean) {
      CHECKED(check_row(*row, entry.value));
    }
  }
  for (const auto& [name, entry] : given) out.static_configs.emplace(name, entry.value);
  out.given = std::move(given);
  const Reader read(out);
  CHECKED(read_identity(read, out));
  CHECKED(read_listeners(read, out));
  CHECKED(read_durability(read, out));
  CHECKED(check_groups(read));
  read_limits(read, out);
  read_intervals(read, out);
  out.num_partitions = read.small("num.partitions");
  out.default_replication_factor = read.small("default.replication.factor");
  out.min_insync_replicas = read.small("min.insync.replicas");
  out.auto_create_topics = read.flag("auto.create.topics.enable");
  out.delete_topics = read.flag("delete.topic.enable");
  return out;
}

std::optional<std::string> setting_of_environment(std::string_view variable) {
  constexpr std::string_view kPrefix = "KAFKA_";
  if (!variable.starts_with(kPrefix) || variable.size() == kPrefix.size()) return std::nullopt;
  std::string name;
  for (size_t at = kPrefix.size(); at < variable.size(); at++) {
    if (variable[at] != '_') {
      const char c = variable[at];
      name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      continue;
    }
    const size_t run =
        std::min<size_t>(3, variable.substr(at).find_first_not_of('_') == std::string_view::npos
                                ? variable.size() - at
                                : variable.substr(at).find_first_not_of('_'));
    name += run == 1 ? '.' : run == 2 ? '_' : '-';
    at += run - 1;
  }
  return name;
}

}  // namespace partita::broker
