#include "coordinators/group/rebalance_history.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "wire/json.h"

namespace partita::coordinators {
namespace {

void cut(std::string& text) {
  if (text.size() > RebalanceHistory::kTextMax) text.resize(RebalanceHistory::kTextMax);
}

void add_text(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out += fmt::format(",\"{}\":", name);
  wire::append_json_string(out, text);
}

void add_owner(std::string& out, std::string_view name, std::string_view member) {
  out += fmt::format(",\"{}\":", name);
  if (member.empty()) {
    out += "null";
  } else {
    wire::append_json_string(out, member);
  }
}

std::string joined(const std::vector<int32_t>& numbers) {
  std::string out;
  for (const int32_t number : numbers) {
    if (!out.empty()) out += ',';
    out += std::to_string(number);
  }
  return out;
}

size_t text_bytes(const RebalanceCause& cause) {
  return cause.member_id.size() + cause.instance_id.size() + cause.client_id.size() +
         cause.client_host.size() + cause.reason.size();
}

void append_cause(std::string& out, const RebalanceCause& cause) {
  out += fmt::format("{{\"cause\":\"{}\"", cause_name(cause.kind));
  add_text(out, "member", cause.member_id);
  add_text(out, "instance", cause.instance_id);
  add_text(out, "client", cause.client_id);
  add_text(out, "host", cause.client_host);
  add_text(out, "reason", cause.reason);
  if (cause.timeout) out += fmt::format(",\"timeout_ms\":{}", to_ms(*cause.timeout));
  out += '}';
}

}  // namespace

std::string_view cause_name(RebalanceCause::Kind kind) {
  using enum RebalanceCause::Kind;
  switch (kind) {
    case member_joined: return "member_joined";
    case member_rejoined: return "member_rejoined";
    case subscription_changed: return "subscription_changed";
    case static_member_replaced: return "static_member_replaced";
    case member_left: return "member_left";
    case session_expired: return "session_expired";
    case join_expired: return "join_expired";
    case not_rejoined: return "not_rejoined";
    case not_synced: return "not_synced";
    case not_revoked: return "not_revoked";
    case over_capacity: return "over_capacity";
    case metadata_changed: return "metadata_changed";
    case protocol_changed: return "protocol_changed";
  }
  return "?";
}

void Ownership::add(std::string_view member, std::string_view topic, int32_t partition) {
  if (size_ > RebalanceHistory::kOwnedMax) return;
  auto found = member_index_.find(member);
  if (found == member_index_.end()) {
    found = member_index_.emplace(member, static_cast<uint32_t>(members_.size())).first;
    members_.emplace_back(member);
  }
  auto topic_found = topics_.find(topic);
  if (topic_found == topics_.end()) topic_found = topics_.try_emplace(std::string(topic)).first;
  topic_found->second.push_back({.partition = partition, .member = found->second});
  size_++;
}

size_t RebalanceHistory::Rebalance::bytes() const {
  size_t total = sizeof(Rebalance);
  for (const RebalanceCause& cause : causes) total += sizeof(cause) + text_bytes(cause);
  for (const Move& move : moves) {
    total += sizeof(move) + move.topic.size() + move.from.size() + move.to.size() +
             move.partitions.size() * sizeof(int32_t);
  }
  return total;
}

void RebalanceHistory::begin(RebalanceCause cause, Now now) {
  if (!running_) running_ = Rebalance{.begun = now.instant, .begun_wall = now.wall};
  if (running_->causes.size() == kCausesMax) {
    COVERED("group.many_causes");
    running_->causes_dropped++;
    return;
  }
  for (std::string* text : {&cause.member_id, &cause.instance_id, &cause.client_id,
                            &cause.client_host, &cause.reason}) {
    cut(*text);
  }
  running_->causes.push_back(std::move(cause));
}

void RebalanceHistory::settle(int32_t generation, size_t members, std::optional<Ownership> owned,
                              Now now) {
  if (owned && owned->size() > kOwnedMax) owned.reset();
  if (owned) {
    for (auto& [topic, partitions] : owned->topics_) {
      std::ranges::sort(partitions, {}, &Ownership::Owned::partition);
    }
  }
  if (running_) {
    Rebalance done = *std::move(running_);
    running_.reset();
    done.took = now.instant - done.begun;
    done.generation = generation;
    done.members = members;
    done.ownership_known = owned_.has_value() && owned.has_value();
    if (done.ownership_known) note_moves(*owned_, *owned, done);
    keep(std::move(done));
  }
  owned_ = std::move(owned);
}

void RebalanceHistory::keep(Rebalance rebalance) {
  bytes_ += rebalance.bytes();
  done_.push_back(std::move(rebalance));
  while (done_.size() > kRebalancesMax || (bytes_ > kBytesMax && done_.size() > 1)) {
    if (mutant("group.history_unbounded")) break;
    bytes_ -= done_.front().bytes();
    done_.pop_front();
  }
}

void RebalanceHistory::note_moves(const Ownership& before, const Ownership& after, Rebalance& out) {
  using Owned = std::vector<Ownership::Owned>;
  static const Owned kNone;
  const auto compare = [&](const std::string& topic, const Owned& old_owned,
                           const Owned& new_owned) {
    size_t i = 0, k = 0;
    while (i < old_owned.size() || k < new_owned.size()) {
      const bool gone = k == new_owned.size() ||
                        (i < old_owned.size() && old_owned[i].partition < new_owned[k].partition);
      const bool came =
          !gone && (i == old_owned.size() || new_owned[k].partition < old_owned[i].partition);
      const int32_t partition = gone ? old_owned[i].partition : new_owned[k].partition;
      std::string_view from;
      std::string_view to;
      if (!came) from = before.members_[old_owned[i].member];
      if (!gone) to = after.members_[new_owned[k].member];
      if (from != to) add_move(out, topic, partition, from, to);
      if (!came) i++;
      if (!gone) k++;
    }
  };
  for (const auto& [topic, owned] : before.topics_) {
    const auto now_owned = after.topics_.find(topic);
    compare(topic, owned, now_owned == after.topics_.end() ? kNone : now_owned->second);
  }
  for (const auto& [topic, owned] : after.topics_) {
    if (!before.topics_.contains(topic)) compare(topic, kNone, owned);
  }
}

void RebalanceHistory::add_move(Rebalance& out, std::string_view topic, int32_t partition,
                                std::string_view from, std::string_view to) {
  out.partitions_moved++;
  // Neighbours that went the same way share a line; partitions count against the bound as lines do.
  if (out.partitions_moved - out.moves_dropped > kMovesMax) {
    out.moves_dropped++;
    return;
  }
  for (Move& move : out.moves) {
    if (move.topic == topic && move.from == from && move.to == to) {
      move.partitions.push_back(partition);
      return;
    }
  }
  out.moves.push_back({.topic = std::string(topic),
                       .from = std::string(from.substr(0, kTextMax)),
                       .to = std::string(to.substr(0, kTextMax)),
                       .partitions = {partition}});
}

void RebalanceHistory::append_json(std::string& out, const Rebalance& rebalance) {
  out += "\"causes\":[";
  for (size_t i = 0; i < rebalance.causes.size(); i++) {
    if (i > 0) out += ',';
    append_cause(out, rebalance.causes[i]);
  }
  out += fmt::format("],\"more_causes\":{}", rebalance.causes_dropped);
  if (!rebalance.ownership_known) return;
  out += fmt::format(",\"partitions_moved\":{},\"moves\":[", rebalance.partitions_moved);
  for (size_t i = 0; i < rebalance.moves.size(); i++) {
    const Move& move = rebalance.moves[i];
    out += i > 0 ? ",{\"topic\":" : "{\"topic\":";
    wire::append_json_string(out, move.topic);
    out += fmt::format(",\"partitions\":[{}]", joined(move.partitions));
    add_owner(out, "from", move.from);
    add_owner(out, "to", move.to);
    out += '}';
  }
  out += fmt::format("],\"more_moves\":{}", rebalance.moves_dropped);
}

std::string RebalanceHistory::running_json(const std::vector<std::string_view>& waiting_for,
                                           Now now) const {
  std::string out =
      fmt::format("\"state\":\"running\",\"begun_ms\":{},\"running_for_ms\":{},\"waiting_for\":[",
                  running_->begun_wall.ms(), to_ms(now.instant - running_->begun));
  const size_t shown = std::min(waiting_for.size(), kWaitingMax);
  for (size_t i = 0; i < shown; i++) {
    if (i > 0) out += ',';
    wire::append_json_string(out, waiting_for[i].substr(0, kTextMax));
  }
  return out + fmt::format("],\"more_waiting_for\":{}", waiting_for.size() - shown);
}

std::string RebalanceHistory::to_json(const std::vector<std::string_view>& waiting_for,
                                      Now now) const {
  std::string out = "[";
  // Whole or, where that is too much, without its details; what then has no place is left out.
  const auto add = [&out](const std::string& head, const Rebalance& rebalance) {
    std::string details;
    append_json(details, rebalance);
    const size_t left = kJsonMax - std::min(kJsonMax, out.size() + head.size() + 5);
    const bool whole = details.size() <= left;
    if (!whole && out.size() > 1) return false;
    if (out.size() > 1) out += ',';
    out += '{' + head + (whole ? "," + details : ",\"cut\":true") + '}';
    return whole;
  };
  bool goes_on = !running_ || add(running_json(waiting_for, now), *running_);
  for (size_t i = done_.size(); i-- > 0 && goes_on;) {
    const Rebalance& rebalance = done_[i];
    goes_on = add(fmt::format("\"state\":\"done\",\"begun_ms\":{},\"took_ms\":{},"
                              "\"generation\":{},\"members\":{}",
                              rebalance.begun_wall.ms(), to_ms(rebalance.took),
                              rebalance.generation, rebalance.members),
                  rebalance);
  }
  return out + "]";
}

void RebalanceHistory::check_invariants() const {
  CHECK(done_.size() <= kRebalancesMax);
  CHECK(bytes_ <= kBytesMax || done_.size() == 1);
  size_t total = 0;
  for (const Rebalance& rebalance : done_) {
    total += rebalance.bytes();
    CHECK(rebalance.causes.size() <= kCausesMax);
    CHECK(rebalance.partitions_moved - rebalance.moves_dropped <= kMovesMax);
  }
  CHECK(total == bytes_);
}

}  // namespace partita::coordinators
