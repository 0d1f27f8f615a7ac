#include "coordinators/group/group_machine.h"

#include <algorithm>

#include "base/fault_points.h"
#include "coordinators/batch_bytes.h"
#include "coordinators/group/classic_group.h"
#include "coordinators/group/consumer_group.h"
#include "coordinators/group/offset_store.h"
#include "coordinators/group/offset_upkeep.h"

namespace partita::coordinators {
namespace {

/// Kinds of records, as their keys begin.
constexpr int16_t kLegacyOffsetKey = 0;
constexpr int16_t kOffsetKey = 1;
constexpr int16_t kGroupKey = 2;
constexpr int16_t kFirstConsumerKey = 3;
constexpr int16_t kLastConsumerKey = 8;
constexpr int16_t kRegularExpressionKey = 16;

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool passes(std::string_view name, const std::vector<std::string>& filter) {
  return filter.empty() || std::ranges::any_of(filter, [name](const std::string& wanted) {
           return equal_ignoring_case(wanted, name);
         });
}

size_t bytes_of(const std::vector<CoordinatorRecord>& records) {
  size_t total = 0;
  for (const CoordinatorRecord& record : records) {
    total += record.key.size() + (record.value ? record.value->size() : 0);
  }
  return total;
}

}  // namespace

GroupMachine::GroupMachine(const GroupSettings& settings, IdSource& ids, Log log)
    : settings_(settings),
      ids_(ids),
      log_(log),
      offsets_(std::make_unique<OffsetStore>()),
      upkeep_(std::make_unique<OffsetUpkeep>(settings)) {}

GroupMachine::~GroupMachine() = default;

Group* GroupMachine::find(std::string_view id) {
  const auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : found->second.get();
}

const Group* GroupMachine::group(std::string_view id) const {
  const auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : found->second.get();
}

Group& GroupMachine::install(std::unique_ptr<Group> group) {
  std::unique_ptr<Group>& place = groups_[group->id()];
  if (place) deadlines_.remove(*place);
  place = std::move(group);
  deadlines_.schedule(*place);
  return *place;
}

void GroupMachine::erase(std::string_view id) {
  const auto found = groups_.find(id);
  if (found == groups_.end()) return;
  deadlines_.remove(*found->second);
  groups_.erase(found);
}

void GroupMachine::schedule(Group& group) {
  deadlines_.schedule(group);
}

Result<> GroupMachine::replay(const ReplayedRecord& record) {
  TRY(const Numbered key, parse_numbered(record.key));
  switch (key.number) {
    case kLegacyOffsetKey:
    case kOffsetKey: return replay_offset(key, record);
    case kGroupKey: return replay_classic_record(key, record);
    case kRegularExpressionKey: return replay_consumer_record(key, record);
    default: break;
  }
  if (kFirstConsumerKey <= key.number && key.number <= kLastConsumerKey) {
    return replay_consumer_record(key, record);
  }
  return fail(Errc::unsupported_version, fmt::format("a record of kind {}", key.number));
}

void GroupMachine::loaded(Now now, Effects& out) {
  consumer_groups_loaded(now, out);
  offsets_loaded(now);
  for (auto& [id, group] : groups_) {
    if (group->type() == GroupType::classic) static_cast<ClassicGroup&>(*group).loaded(now, out);
    deadlines_.schedule(*group);
  }
}

Instant GroupMachine::next_deadline() const {
  return std::min(deadlines_.next(), offsets_deadline());
}

void GroupMachine::tick(Now now, Effects& out) {
  // What is due beyond half a batch stays due, and is taken up by the next tick at once.
  const size_t bytes_max = settings_.batch_bytes_max / 2;
  std::vector<Group*> ticked;
  while (bytes_of(out.records) <= bytes_max) {
    Group* group = deadlines_.take_due(now.instant);
    if (group == nullptr) break;
    group->tick(now, out);
    ticked.push_back(group);
  }
  for (Group* group : ticked) {
    if (group->type() == GroupType::classic) {
      settle(static_cast<ClassicGroup&>(*group));
    } else {
      settle(static_cast<ConsumerGroup&>(*group), now, out);
    }
  }
  if (bytes_of(out.records) <= bytes_max) tick_offsets(now, out);
}

void GroupMachine::image_changed(std::shared_ptr<const metadata::Image> image, Now now,
                                 Effects& out) {
  const std::shared_ptr<const metadata::Image> before = std::exchange(image_, std::move(image));
  consumer_groups_see_image(before.get(), now, out);
  offsets_see_image(before.get(), now);
}

std::vector<GroupMachine::ListedGroup> GroupMachine::list_groups(
    const std::vector<std::string>& states, const std::vector<std::string>& types) const {
  std::vector<ListedGroup> out;
  for (const auto& [id, group] : groups_) {
    if (!passes(group->state_name(), states)) continue;
    if (!passes(group_type_name(group->type()), types)) continue;
    out.push_back({.group_id = id,
                   .protocol_type = std::string(group->protocol_type()),
                   .group_state = std::string(group->state_name()),
                   .group_type = std::string(group_type_name(group->type()))});
  }
  return out;
}

Result<> GroupMachine::delete_group(std::string_view group_id, Effects& out) {
  const Group* group = find(group_id);
  if (group == nullptr) return fail(Errc::group_id_not_found);
  CHECKED(group->check_delete());
  std::vector<CoordinatorRecord> records;
  const bool keeps_offsets = mutant("group.delete_keeps_offsets");
  if (!keeps_offsets) offsets_->write_tombstones(group_id, records);
  group->write_tombstones(records);
  if (BatchBytes::of(records) > settings_.batch_bytes_max) {
    return fail(Errc::unknown_server_error, "more offsets than one batch removes");
  }
  std::ranges::move(records, std::back_inserter(out.records));
  if (!keeps_offsets) offsets_->remove_group(group_id);
  erase(std::string(group_id));
  return {};
}

void GroupMachine::remove_if_forgotten(const std::string& id, Effects& out) {
  const Group* group = find(id);
  if (group == nullptr || group->has_members() || offsets_->knows(id)) return;
  // Somebody holds an id of this group and is about to join with it.
  if (group->type() == GroupType::classic &&
      static_cast<const ClassicGroup*>(group)->pending_count() > 0) {
    return;
  }
  group->write_tombstones(out.records);
  erase(id);
}

Result<std::string> GroupMachine::why(std::string_view group_id, Now now) const {
  const Group* known = group(group_id);
  if (known == nullptr) return fail(Errc::group_id_not_found);
  return known->rebalances().to_json(known->waiting_for(), now);
}

void GroupMachine::check_invariants() const {
  size_t scheduled = 0;
  for (const auto& [id, group] : groups_) {
    CHECK(id == group->id());
    CHECK(deadlines_.covers(*group));
    scheduled += deadlines_.holds(*group) ? 1 : 0;
    group->check_invariants();
  }
  CHECK(scheduled == deadlines_.size());
}

}  // namespace partita::coordinators
