#include "controller/partition_change.h"

#include <algorithm>

#include "base/fault_points.h"

namespace partita::controller {

using metadata::NodeList;
using metadata::PartitionImage;

namespace {

wire::PartitionChangeRecord change_of(const TopicId& topic, PartitionIndex index) {
  return {.partition_id = index.value(), .topic_id = topic};
}

bool changes_anything(const wire::PartitionChangeRecord& change) {
  return !(change == wire::PartitionChangeRecord{.partition_id = change.partition_id,
                                                 .topic_id = change.topic_id});
}

NodeList united(const NodeList& a, const NodeList& b) {
  std::vector<NodeId> all(a.begin(), a.end());
  for (const NodeId node : b) {
    if (!a.contains(node)) all.push_back(node);
  }
  return NodeList(std::span<const NodeId>(all));
}

NodeList without_all(const NodeList& from, const NodeList& gone) {
  NodeList left = from;
  for (const NodeId node : gone) left = left.without(node);
  return left;
}

class ChangeBuilder {
 public:
  ChangeBuilder(const PartitionImage& partition, const ElectionRules& rules, NodeList target_isr,
                NodeList lost)
      : partition_(partition), rules_(rules), isr_(std::move(target_isr)), lost_(std::move(lost)) {}

  void build(wire::PartitionChangeRecord& change) {
    compute_elr();
    elect(change);
    if (rules_.elr && elr_ != partition_.elr) change.eligible_leader_replicas = elr_.values();
    // Without eligible leader replicas somebody must stay: the last in sync, with no leader.
    if (!isr_.empty() || rules_.elr) {
      if (isr_ != partition_.isr) change.isr = isr_.values();
    }
    note_last_leader();
    if (last_known_ != partition_.last_known_elr) change.last_known_elr = last_known_.values();
  }

 private:
  void compute_elr() {
    if (!rules_.elr) return;
    const auto needed = std::min<size_t>(
        static_cast<size_t>(std::max(rules_.min_insync_replicas, 1)), partition_.replicas.size());
    if (isr_.size() >= needed) return;
    elr_ = without_all(without_all(united(partition_.elr, partition_.isr), isr_), lost_);
  }

  bool may_lead(NodeId node) const {
    if (node == kNoNode || !rules_.active(node)) return false;
    if (mutant("controller.elect_out_of_sync")) return partition_.replicas.contains(node);
    return isr_.contains(node) || (isr_.empty() && elr_.contains(node));
  }

  void elect(wire::PartitionChangeRecord& change) {
    leader_ = partition_.leader;
    if (!may_lead(leader_)) {
      const auto at =
          std::ranges::find_if(partition_.replicas, [this](NodeId node) { return may_lead(node); });
      leader_ = at == partition_.replicas.end() ? kNoNode : *at;
    }
    if (leader_ == kNoNode && rules_.unclean) {
      const auto at = std::ranges::find_if(partition_.replicas, rules_.active);
      if (at != partition_.replicas.end()) {
        COVERED("controller.unclean_election");
        leader_ = *at;
        change.leader_recovery_state = 1;
        isr_ = NodeList{leader_};
        elr_ = {};
      }
    }
    if (leader_ != kNoNode && isr_.empty()) {
      isr_ = NodeList{leader_};
      elr_ = elr_.without(leader_);
      compute_elr();
    }
    if (leader_ != partition_.leader) change.leader = leader_.value();
  }

  void note_last_leader() {
    last_known_ = partition_.last_known_elr;
    if (!rules_.elr) return;
    if (leader_ != kNoNode) {
      last_known_ = {};
    } else if (isr_.empty() && partition_.leader != kNoNode) {
      last_known_ = NodeList{partition_.leader};
    }
  }

  const PartitionImage& partition_;
  const ElectionRules& rules_;
  NodeList isr_;
  const NodeList lost_;
  NodeList elr_;
  NodeList last_known_;
  NodeId leader_ = kNoNode;
};

}  // namespace

std::optional<wire::PartitionChangeRecord> broker_left(const TopicId& topic, PartitionIndex index,
                                                       const PartitionImage& partition,
                                                       NodeId broker, Departure how,
                                                       const ElectionRules& rules) {
  wire::PartitionChangeRecord change = change_of(topic, index);
  const bool unclean = how == Departure::unclean_shutdown;
  if (partition.replicas == NodeList{broker}) {
    if (!unclean || partition.leader != broker) return std::nullopt;
    change.leader = broker.value();
    return change;
  }
  const bool counted = partition.isr.contains(broker) || partition.leader == broker ||
                       (unclean && partition.elr.contains(broker));
  if (!counted) return std::nullopt;
  const NodeList lost = unclean ? NodeList{broker} : NodeList{};
  ElectionRules others = rules;
  others.active = [&rules, broker](NodeId node) { return node != broker && rules.active(node); };
  ChangeBuilder(partition, others, partition.isr.without(broker), lost).build(change);
  if (!changes_anything(change)) return std::nullopt;
  return change;
}

std::optional<wire::PartitionChangeRecord> broker_returned(const TopicId& topic,
                                                           PartitionIndex index,
                                                           const PartitionImage& partition,
                                                           NodeId broker,
                                                           const ElectionRules& rules) {
  if (partition.leader != kNoNode || !partition.replicas.contains(broker)) return std::nullopt;
  wire::PartitionChangeRecord change = change_of(topic, index);
  NodeList isr = partition.isr;
  if (partition.replicas.size() == 1) isr = partition.replicas;
  ElectionRules back = rules;
  back.active = [&rules, broker](NodeId node) { return node == broker || rules.active(node); };
  ChangeBuilder(partition, back, std::move(isr), {}).build(change);
  if (!changes_anything(change)) return std::nullopt;
  return change;
}

}  // namespace partita::controller
