#include "controller/replica_placer.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "base/check.h"

namespace partita::controller {

namespace {

uint64_t draw(uint64_t& state, uint64_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (state >> 11) % below;
}

template <class T>
void shuffle_list(std::vector<T>& list, uint64_t& random) {
  for (size_t i = list.size(); i > 1; i--) std::swap(list[i - 1], list[draw(random, i)]);
}

}  // namespace

ReplicaPlacer::ReplicaPlacer(std::vector<UsableBroker> brokers, uint64_t seed) : random_(seed | 1) {
  std::ranges::sort(brokers, {}, &UsableBroker::id);
  std::map<std::optional<std::string>, Rack> racks;
  for (const UsableBroker& broker : brokers) {
    Rack& rack = racks[broker.rack];
    (broker.fenced ? rack.fenced : rack.unfenced).push_back(broker.id);
    total_++;
    if (!broker.fenced) unfenced_++;
  }
  for (auto& [name, rack] : racks) racks_.push_back(std::move(rack));
  shuffle();
}

void ReplicaPlacer::shuffle() {
  shuffle_list(racks_, random_);
  for (Rack& rack : racks_) {
    shuffle_list(rack.unfenced, random_);
    shuffle_list(rack.fenced, random_);
    rack.turn = 0;
  }
  first_rack_ = 0;
  placed_ = 0;
}

Result<> ReplicaPlacer::check(int replication_factor) const {
  if (replication_factor <= 0) {
    return fail(
        Errc::invalid_replication_factor,
        fmt::format("Invalid replication factor {}: the replication factor must be positive.",
                    replication_factor));
  }
  if (unfenced_ == 0)
    return fail(Errc::invalid_replication_factor, "All brokers are currently fenced.");
  if (static_cast<size_t>(replication_factor) > total_) {
    return fail(
        Errc::invalid_replication_factor,
        fmt::format(
            "The target replication factor of {} cannot be reached because only {} broker(s) are "
            "registered or some brokers have all their log directories cordoned.",
            replication_factor, total_));
  }
  return {};
}

metadata::NodeList ReplicaPlacer::next(int replication_factor) {
  const auto wanted = static_cast<size_t>(replication_factor);
  CHECK(wanted > 0);
  CHECK(wanted <= total_);
  CHECK(unfenced_ > 0);
  if (placed_ == unfenced_ && unfenced_ > 1) shuffle();
  std::vector<NodeId> replicas;
  std::vector<size_t> taken(racks_.size(), 0);
  // The leader: the next rack that has an unfenced broker.
  size_t rack = first_rack_;
  while (racks_[rack].unfenced.empty()) rack = (rack + 1) % racks_.size();
  // Then one of each rack in turn, until all are placed.
  while (replicas.size() < wanted) {
    const Rack& from = racks_[rack];
    const size_t nth = taken[rack];
    if (nth < from.unfenced.size()) {
      replicas.push_back(from.unfenced[(from.turn + nth) % from.unfenced.size()]);
    } else if (const size_t late = nth - from.unfenced.size(); late < from.fenced.size()) {
      replicas.push_back(from.fenced[(from.turn + late) % from.fenced.size()]);
    }
    taken[rack]++;
    rack = (rack + 1) % racks_.size();
  }
  for (size_t i = 0; i < racks_.size(); i++) {
    if (taken[i] > 0) racks_[i].turn++;
  }
  first_rack_ = (first_rack_ + 1) % racks_.size();
  placed_++;
  return metadata::NodeList(std::span<const NodeId>(replicas));
}

}  // namespace partita::controller
