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
  if (!plan.idempotent) plan.acks = static_cast<int16_t>(random.below(3)) - 1;
  if (random.below(3) != 0) plan.codec = static_cast<records::Codec>(random.below(5));
  plan.batch_bytes = between(random, 200, 6'000);
  plan.linger = time_between(random, 0ms, 20ms);
  plan.records = static_cast<uint32_t>(between(random, 50, 300));
  plan.pause_max = time_between(random, 1ms, 100ms);
  plan.value_bytes_max = between(random, 10, 600);
  return plan;
}

PlannedStrike draw_strike(Random& random) {
  return {.after = time_between(random, 10ms, 2s),
          .kind = static_cast<FaultKind>(random.below(kFaultKinds)),
          .lasts = time_between(random, 5ms, 4s),
          .detail = static_cast<uint32_t>(random.below(1000))};
}

RetainedPlan draw_retained(Random& random) {
  RetainedPlan plan;
  if (random.below(2) == 0) {
    plan.bytes = between(random, 3'000, 20'000);
  } else {
    plan.ms = between(random, 1'500, 6'000);
  }
  return plan;
}

void draw_clients(Random& random, Plan& plan) {
  plan.partitions = static_cast<int32_t>(between(random, 1, 4));
  plan.partitions_max = plan.partitions;
  if (random.below(2) == 0) plan.partitions_max += static_cast<int32_t>(between(random, 1, 3));
  for (uint64_t left = between(random, 1, 3); left > 0; left--) {
    plan.producers.push_back(draw_producer(random));
  }
  if (random.below(2) == 0) plan.retained = draw_retained(random);
  plan.operates = random.below(2) == 0;
  plan.probes = random.below(2) == 0;
}

void draw_faults(Random& random, Plan& plan) {
  for (uint64_t left = between(random, 1, 6); left > 0; left--) {
    plan.strikes.push_back(draw_strike(random));
  }
  plan.power_cut_at_end = random.below(3) != 0;
  plan.rot_at_end = random.below(3) == 0;
  if (random.below(3) == 0) plan.reset_one_in = static_cast<uint32_t>(between(random, 50, 500));
  if (random.below(2) == 0) plan.buggify_one_in = static_cast<uint32_t>(between(random, 2, 30));
}

void draw_settings(Random& random, const std::string& address, Plan& plan) {
  const auto set = [&](const std::string& name, std::string value) {
    plan.settings[name] = {.value = std::move(value), .source = broker::Settings::Source::flag};
  };
  const auto draw = [&](const std::string& name, uint64_t least, uint64_t most) {
    set(name, std::to_string(between(random, least, most)));
  };
  std::string listeners;
  for (const uint16_t port : plan.ports) {
    listeners += fmt::format("{}L{}://{}:{}", listeners.empty() ? "" : ",", port, address, port);
  }
  set("listeners", listeners);
  set("log.dirs", "/data");
  set("durability", std::string(word_of(plan.durability)));
  set("durability.interval.ms", std::to_string(to_ms(plan.flush_interval)));
  set("durability.interval.bytes", std::to_string(plan.flush_interval_bytes));
  set("log.retention.check.interval.ms", std::to_string(to_ms(plan.retention_check_interval)));
  draw("log.index.interval.bytes", 0, 3'000);
  draw("log.segment.delete.delay.ms", 0, 3'000);
  if (random.below(2) == 0) draw("tail.ring.bytes", 0, 20'000);
  if (random.below(2) == 0) draw("log.flush.offset.checkpoint.interval.ms", 300, 5'000);
  if (random.below(2) == 0) draw("replica.high.watermark.checkpoint.interval.ms", 300, 5'000);
  if (random.below(4) == 0) draw("log.index.size.max.bytes", 200, 2'000);
  set("auto.create.topics.enable", "false");
}

}  // namespace

Plan draw_plan(Random& random, const std::string& address) {
  Plan plan;
  plan.shards = static_cast<uint32_t>(between(random, 1, 3));
  plan.durability = draw_durability(random);
  plan.flush_interval = from_ms(static_cast<int64_t>(between(random, 20, 800)));
  plan.flush_interval_bytes = static_cast<int64_t>(between(random, 500, 100'000));
  plan.retention_check_interval = from_ms(static_cast<int64_t>(between(random, 300, 900)));
  plan.ports = {9092};
  if (random.below(3) == 0) plan.ports.push_back(9093);
  draw_clients(random, plan);
  plan.segment_bytes = static_cast<int64_t>(between(random, 3'000, plan.retained ? 8'000 : 60'000));
  draw_settings(random, address, plan);
  draw_faults(random, plan);
  return plan;
}

}  // namespace partita::sim
