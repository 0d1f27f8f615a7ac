#include "broker/internal_topics.h"

#include <algorithm>

#include "base/check.h"

namespace partita::broker {
namespace {

constexpr int32_t kTimeoutMs = 30'000;

std::string prefix_of(std::string_view topic) {
  CHECK(topic == kOffsetsTopic || topic == kTransactionsTopic);
  return topic == kOffsetsTopic ? "offsets.topic." : "transaction.state.log.";
}

}  // namespace

wire::CreateTopicsRequest internal_topic_request(std::string_view topic, const Settings& settings,
                                                 size_t brokers_alive) {
  const auto text = [&settings, prefix = prefix_of(topic)](std::string_view name) {
    return *setting_text(settings, prefix + std::string(name));
  };
  const auto number = [&text](std::string_view name) { return std::stoi(text(name)); };
  const int32_t replicas =
      std::clamp<int32_t>(static_cast<int32_t>(brokers_alive), 1, number("replication.factor"));
  wire::CreateTopicsRequest request{.timeout_ms = kTimeoutMs};
  auto& made = request.topics.emplace_back();
  made.name = topic;
  made.num_partitions = internal_topic_partitions(topic, settings);
  made.replication_factor = static_cast<int16_t>(replicas);
  const auto config = [&made](std::string name, std::string value) {
    made.configs.push_back({.name = std::move(name), .value = std::move(value)});
  };
  config("cleanup.policy", "compact");
  config("segment.bytes", text("segment.bytes"));
  if (topic == kOffsetsTopic) {
    config("compression.type", "producer");
  } else {
    config("compression.type", "uncompressed");
    config("min.insync.replicas", std::to_string(std::min(number("min.isr"), replicas)));
    config("unclean.leader.election.enable", "false");
  }
  return request;
}

int32_t internal_topic_partitions(std::string_view topic, const Settings& settings) {
  return std::stoi(*setting_text(settings, prefix_of(topic) + "num.partitions"));
}

size_t brokers_alive(const metadata::Image& image) {
  return static_cast<size_t>(std::ranges::count_if(
      image.brokers(), [](const auto& broker) { return broker.second.active(); }));
}

}  // namespace partita::broker
