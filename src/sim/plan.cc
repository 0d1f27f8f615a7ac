#include "sim/plan.h"

#include <fmt/core.h>

namespace partita::sim {
namespace {

uint64_t between(Random& random, uint64_t least, uint64_t most) {
  return least + random.below(most - least + 1);
}

Duration time_between(Random& random, Duration least, Duration most) {
  return least + Duration(random.below(static_cast<uint64_t>((most - least).count()) + 1));
}

storage::Durability draw_durability(Random& random) {
  switch (random.below(6)) {
    case 0: return storage::Durability::os;
    case 1: return storage::Durability::interval;
    default: return storage::Durability::fsync;
  }
}

std::string_view word_of(storage::Durability durability) {
  switch (durability) {
    case storage::Durability::os: return "os";
    case storage::Durability::interval: return "interval";
    case storage::Durability::fsync: break;
  }
  return "fsync";
}

ProducerPlan draw_producer(Random& random) {
  ProducerPlan plan;
  plan.idempotent = random.below(5) != 0;
  if (!plan.idempotent) plan.acks = random.below(2) == 0 ? 1 : -1;
  plan.batch_bytes = between(random, 200, 6'000);
  plan.linger = time_between(random, 0ms, 20ms);
  plan.records = static_cast<uint32_t>(between(random, 50, 300));
  plan.pause_max = time_between(random, 1ms, 100ms);
  plan.value_bytes_max = between(random, 10, 600);
  return plan;
}

PlannedStrike draw_strike(Random& random) {
  return {.after = time_between(random, 10ms, 2s),
          .kind = static_cast<FaultKind>(random.below(11)),
          .lasts = time_between(random, 5ms, 4s),
          .detail = static_cast<uint32_t>(random.below(1000))};
}

}  // namespace

Plan draw_plan(Random& random, const std::string& address) {
  Plan plan;
  plan.shards = static_cast<uint32_t>(between(random, 1, 3));
  plan.durability = draw_durability(random);
  plan.partitions = static_cast<int32_t>(between(random, 1, 4));
  const auto set = [&](const std::string& name, std::string value) {
    plan.settings[name] = {.value = std::move(value), .source = broker::Settings::Source::flag};
  };
  set("listeners", fmt::format("PLAINTEXT://{}:9092", address));
  set("log.dirs", "/data");
  set("durability", std::string(word_of(plan.durability)));
  set("log.segment.bytes", std::to_string(between(random, 4'000, 60'000)));
  set("log.index.interval.bytes", std::to_string(between(random, 0, 3'000)));
  set("auto.create.topics.enable", "false");
  for (uint64_t left = between(random, 1, 3); left > 0; left--) {
    plan.producers.push_back(draw_producer(random));
  }
  for (uint64_t left = between(random, 1, 6); left > 0; left--) {
    plan.strikes.push_back(draw_strike(random));
  }
  plan.power_cut_at_end = random.below(3) != 0;
  if (random.below(3) == 0) plan.reset_one_in = static_cast<uint32_t>(between(random, 50, 500));
  return plan;
}

}  // namespace partita::sim
