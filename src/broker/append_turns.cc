#include "broker/append_turns.h"

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"

namespace partita::broker {

AppendTurns::~AppendTurns() {
  CHECK(lines_.empty());
}

bool AppendTurns::busy(uint64_t connection, const replication::Partition* partition) const {
  if (mutant("broker.overtake")) return false;
  return !lines_.empty() && lines_.contains({connection, partition});
}

size_t AppendTurns::held() const {
  size_t all = 0;
  for (const auto& [key, line] : lines_) all += line.turns.size();
  return all;
}

AppendTurns::Turn::Turn(AppendTurns& of, uint64_t connection,
                        const replication::Partition* partition)
    : of_(of), key_(connection, partition) {
  of_.lines_[key_].turns.push_back(this);
}

bool AppendTurns::Turn::is_first() const {
  return held_ && of_.lines_.at(key_).turns.front() == this;
}

Task<Result<>> AppendTurns::Turn::come(Scope& scope) {
  CHECK(held_);
  while (!is_first()) CO_CHECKED(co_await of_.lines_.at(key_).moved.wait(scope));
  co_return Result<>();
}

void AppendTurns::Turn::pass() {
  if (!std::exchange(held_, false)) return;
  const auto line = of_.lines_.find(key_);
  std::erase(line->second.turns, this);
  line->second.moved.wake_all();
  if (line->second.turns.empty()) of_.lines_.erase(line);
}

}  // namespace partita::broker
