#include "coordinators/group/offset_store.h"

#include <algorithm>
#include <limits>

#include "base/fault_points.h"
#include "wire/coordinator/offset_commit.h"

namespace partita::coordinators {
namespace {

constexpr PartitionIndex kLowest{std::numeric_limits<int32_t>::min()};
constexpr int16_t kVersion = 4;
constexpr int16_t kVersionWithExpiry = 1;

wire::OffsetCommitKey key_of(const OffsetPlace& place) {
  wire::OffsetCommitKey key;
  key.group = place.group;
  key.topic = place.topic;
  key.partition = place.partition.value();
  return key;
}

}  // namespace

CoordinatorRecord offset_record(const OffsetPlace& place, const CommittedOffset& committed) {
  wire::OffsetCommitValue value;
  value.offset = committed.offset.value();
  value.leader_epoch = committed.leader_epoch.value();
  value.metadata = committed.metadata;
  value.commit_timestamp = committed.committed_at.ms();
  value.expire_timestamp = committed.expires_at.value_or(kNoTimestamp).ms();
  value.topic_id = committed.topic_id;
  return record_of(key_of(place), value, committed.expires_at ? kVersionWithExpiry : kVersion);
}

CoordinatorRecord offset_tombstone(const OffsetPlace& place) {
  return tombstone_of(key_of(place));
}

Result<OffsetRecord> decode_offset_record(const Numbered& key, std::optional<ByteView> value) {
  TRY(const auto name, decode_key<wire::OffsetCommitKeyView>(key));
  OffsetRecord out{.place = {name.group, name.topic, PartitionIndex(name.partition)},
                   .committed = std::nullopt};
  if (!value) return out;
  TRY(const auto said, decode_value<wire::OffsetCommitValueView>(*value));
  std::optional<WallTime> expires_at;
  if (said.expire_timestamp != kNoTimestamp.ms()) expires_at = WallTime(said.expire_timestamp);
  out.committed = CommittedOffset{.offset = Offset(said.offset),
                                  .leader_epoch = LeaderEpoch(said.leader_epoch),
                                  .metadata = std::string(said.metadata),
                                  .committed_at = WallTime(said.commit_timestamp),
                                  .expires_at = expires_at,
                                  .topic_id = said.topic_id};
  return out;
}

CommittedOffset as_recorded(CommittedOffset committed) {
  if (committed.expires_at == kNoTimestamp) committed.expires_at.reset();
  if (committed.expires_at) {
    committed.leader_epoch = kNoLeaderEpoch;
    committed.topic_id = {};
  }
  return committed;
}

TopicNames::Use::Use(TopicNames& names, std::string_view name) : names_(&names) {
  at_ = names.uses_.lower_bound(name);
  if (at_ == names.uses_.end() || at_->first != name) {
    at_ = names.uses_.emplace_hint(at_, std::string(name), 0);
  }
  at_->second++;
}

TopicNames::Use::~Use() {
  if (names_ != nullptr && --at_->second == 0) names_->uses_.erase(at_);
}

void OffsetStore::put(const OffsetPlace& place, CommittedOffset committed,
                      std::optional<ProducerId> transaction, std::optional<Offset> at) {
  const Offset order = at.value_or(next_order_);
  next_order_ = std::max(next_order_, order.next());
  if (!transaction) return store(place, std::move(committed), order);
  PendingPlace key{std::string(place.group), std::string(place.topic), place.partition};
  const auto [slot, is_new] =
      pending_[*transaction].insert_or_assign(key, PendingOffset{std::move(committed), order});
  if (is_new) pending_places_[std::move(key)]++;
}

void OffsetStore::store(const OffsetPlace& place, CommittedOffset committed, Offset order) {
  auto group = committed_.find(place.group);
  if (group == committed_.end()) group = committed_.emplace(place.group, Shelves()).first;
  auto shelf = group->second.find(place.topic);
  if (shelf == group->second.end()) {
    Shelf made{.name = {names_, place.topic}, .topic_id = committed.topic_id, .entries = {}};
    const std::string_view name = made.name.name();
    shelf = group->second.emplace(name, std::move(made)).first;
  }
  std::vector<Entry>& entries = shelf->second.entries;
  auto slot = std::ranges::lower_bound(entries, place.partition, {}, &Entry::partition);
  if (slot == entries.end() || slot->partition != place.partition) {
    slot = entries.emplace(slot);
    committed_count_++;
  }
  *slot = {.partition = place.partition,
           .leader_epoch = committed.leader_epoch,
           .offset = committed.offset,
           .committed_at = committed.committed_at,
           .order = order,
           .extra = nullptr};
  const bool plain = committed.metadata.empty() && !committed.expires_at &&
                     committed.topic_id == shelf->second.topic_id;
  if (plain) return;
  slot->extra = std::make_unique<Extra>(
      Extra{std::move(committed.metadata), committed.expires_at, committed.topic_id});
}

void OffsetStore::remove(const OffsetPlace& place) {
  if (!mutant("group.removal_leaves_pending")) drop_pending(place);
  const auto group = committed_.find(place.group);
  if (group == committed_.end()) return;
  const auto shelf = group->second.find(place.topic);
  if (shelf == group->second.end()) return;
  std::vector<Entry>& entries = shelf->second.entries;
  const auto slot = std::ranges::lower_bound(entries, place.partition, {}, &Entry::partition);
  if (slot == entries.end() || slot->partition != place.partition) return;
  entries.erase(slot);
  committed_count_--;
  if (!entries.empty()) return;
  group->second.erase(shelf);
  if (group->second.empty()) committed_.erase(group);
}

void OffsetStore::drop_pending(const OffsetPlace& place) {
  const auto places = pending_places_.find(place);
  if (places == pending_places_.end()) return;
  // The views may lie in what is erased here.
  const PendingPlace key = places->first;
  pending_places_.erase(places);
  for (auto at = pending_.begin(); at != pending_.end();) {
    at->second.erase(key);
    at = at->second.empty() ? pending_.erase(at) : std::next(at);
  }
}

void OffsetStore::uncount(const PendingPlace& place) {
  const auto counted = pending_places_.find(place);
  CHECK(counted != pending_places_.end());
  if (--counted->second == 0) pending_places_.erase(counted);
}

void OffsetStore::end_transaction(ProducerId producer, bool is_commit) {
  const auto ended = pending_.find(producer);
  if (ended == pending_.end()) return;
  const PendingOffsets offsets = std::move(ended->second);
  pending_.erase(ended);
  for (const auto& [place, pending] : offsets) {
    uncount(place);
    if (!is_commit && !mutant("group.abort_keeps_offsets")) continue;
    const Entry* there = entry(place);
    if (there != nullptr && there->order > pending.order &&
        !mutant("group.pending_overtakes_commit")) {
      COVERED("group.pending_offset_overtaken");
      continue;
    }
    store(place, pending.committed, pending.order);
  }
}

const OffsetStore::Entry* OffsetStore::entry(const OffsetPlace& place, const Shelf** shelf) const {
  const auto group = committed_.find(place.group);
  if (group == committed_.end()) return nullptr;
  const auto found = group->second.find(place.topic);
  if (found == group->second.end()) return nullptr;
  const auto& entries = found->second.entries;
  const auto slot = std::ranges::lower_bound(entries, place.partition, {}, &Entry::partition);
  if (slot == entries.end() || slot->partition != place.partition) return nullptr;
  if (shelf != nullptr) *shelf = &found->second;
  return &*slot;
}

CommittedOffset OffsetStore::told(const Shelf& shelf, const Entry& entry) {
  CommittedOffset out{.offset = entry.offset,
                      .leader_epoch = entry.leader_epoch,
                      .committed_at = entry.committed_at,
                      .topic_id = shelf.topic_id};
  if (entry.extra == nullptr) return out;
  out.metadata = entry.extra->metadata;
  out.expires_at = entry.extra->expires_at;
  out.topic_id = entry.extra->topic_id;
  return out;
}

std::optional<CommittedOffset> OffsetStore::find(const OffsetPlace& place) const {
  const Shelf* shelf = nullptr;
  const Entry* found = entry(place, &shelf);
  if (found == nullptr) return std::nullopt;
  return told(*shelf, *found);
}

bool OffsetStore::is_pending(const OffsetPlace& place) const {
  return pending_places_.contains(place);
}

bool OffsetStore::has_pending(std::string_view group) const {
  const auto first = pending_places_.lower_bound(OffsetPlace{group, "", kLowest});
  return first != pending_places_.end() && first->first.group == group;
}

bool OffsetStore::knows(std::string_view group) const {
  return committed_.contains(group) || has_pending(group);
}

void OffsetStore::for_each(std::string_view group, const Visit& visit) const {
  const auto found = committed_.find(group);
  if (found == committed_.end()) return;
  for (const auto& [topic, shelf] : found->second) {
    for (const Entry& entry : shelf.entries) {
      visit({found->first, topic, entry.partition}, told(shelf, entry));
    }
  }
}

std::vector<std::string> OffsetStore::topics(std::string_view group) const {
  std::vector<std::string> out;
  if (const auto found = committed_.find(group); found != committed_.end()) {
    for (const auto& [topic, shelf] : found->second) out.emplace_back(topic);
  }
  auto at = pending_places_.lower_bound(OffsetPlace{group, "", kLowest});
  for (; at != pending_places_.end() && at->first.group == group; ++at) {
    out.push_back(at->first.topic);
  }
  std::ranges::sort(out);
  const auto repeated = std::ranges::unique(out);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

std::vector<PartitionIndex> OffsetStore::partitions(std::string_view group,
                                                    std::string_view topic) const {
  std::vector<PartitionIndex> out;
  if (const auto found = committed_.find(group); found != committed_.end()) {
    if (const auto shelf = found->second.find(topic); shelf != found->second.end()) {
      for (const Entry& entry : shelf->second.entries) out.push_back(entry.partition);
    }
  }
  auto at = pending_places_.lower_bound(OffsetPlace{group, topic, kLowest});
  for (; at != pending_places_.end(); ++at) {
    if (at->first.group != group || at->first.topic != topic) break;
    out.push_back(at->first.partition);
  }
  std::ranges::sort(out);
  const auto repeated = std::ranges::unique(out);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

std::optional<std::string> OffsetStore::group_from(std::string_view id) const {
  const auto committed = committed_.lower_bound(id);
  const auto pending = pending_places_.lower_bound(OffsetPlace{id, "", kLowest});
  const bool has_committed = committed != committed_.end();
  const bool has_pending = pending != pending_places_.end();
  if (!has_committed && !has_pending) return std::nullopt;
  if (!has_pending) return committed->first;
  if (!has_committed) return pending->first.group;
  return std::min(committed->first, pending->first.group);
}

void OffsetStore::for_each_topic(const std::function<void(const std::string& topic)>& visit) const {
  for (const auto& [name, uses] : names_.all()) visit(name);
  for (const auto& [place, producers] : pending_places_) visit(place.topic);
}

void OffsetStore::write_tombstones(std::string_view group,
                                   std::vector<CoordinatorRecord>& out) const {
  for (const std::string& topic : topics(group)) {
    for (const PartitionIndex partition : partitions(group, topic)) {
      out.push_back(offset_tombstone({group, topic, partition}));
    }
  }
}

void OffsetStore::remove_group(std::string_view group) {
  for (const std::string& topic : topics(group)) {
    for (const PartitionIndex partition : partitions(group, topic)) {
      remove({group, topic, partition});
    }
  }
}

size_t OffsetStore::pending_count() const {
  size_t count = 0;
  for (const auto& [producer, offsets] : pending_) count += offsets.size();
  return count;
}

void OffsetStore::check_invariants() const {
  size_t committed = 0;
  for (const auto& [group, shelves] : committed_) {
    CHECK(!shelves.empty());
    for (const auto& [topic, shelf] : shelves) {
      CHECK(topic.data() == shelf.name.name().data());
      CHECK(!shelf.entries.empty());
      CHECK(std::ranges::adjacent_find(shelf.entries, std::ranges::greater_equal(),
                                       &Entry::partition) == shelf.entries.end());
      for (const Entry& entry : shelf.entries) CHECK(entry.order < next_order_);
      committed += shelf.entries.size();
    }
  }
  CHECK(committed == committed_count_);
  size_t counted = 0;
  for (const auto& [place, producers] : pending_places_) {
    CHECK(producers > 0);
    counted += producers;
  }
  for (const auto& [producer, offsets] : pending_) CHECK(!offsets.empty());
  CHECK(counted == pending_count());
}

}  // namespace partita::coordinators
