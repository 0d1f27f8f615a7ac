// GroupMachine: classic groups and the requests of their protocol.

#include "base/fault_points.h"
#include "coordinators/group/classic_group.h"
#include "coordinators/group/group_machine.h"
#include "coordinators/group/offset_store.h"
#include "wire/coordinator/group_metadata.h"
#include "wire/error_code.h"

namespace partita::coordinators {
namespace {

void refuse_join(const wire::JoinGroupRequestView& request, Ticket ticket, Errc error,
                 GroupEffects& out) {
  JoinAnswer answer{.ticket = ticket, .response = {}};
  answer.response.error_code = wire::error_code(error);
  answer.response.member_id = request.member_id;
  out.releases.emplace_back(std::move(answer));
}

void refuse_sync(Ticket ticket, Errc error, GroupEffects& out) {
  SyncAnswer answer{.ticket = ticket, .response = {}};
  answer.response.error_code = wire::error_code(error);
  out.releases.emplace_back(std::move(answer));
}

Result<> check_join(const wire::JoinGroupRequestView& request, const GroupSettings& settings) {
  if (request.group_id.empty()) return fail(Errc::invalid_group_id);
  const Duration session = from_ms(request.session_timeout_ms);
  if (session < settings.session_timeout_min || session > settings.session_timeout_max) {
    return fail(Errc::invalid_session_timeout);
  }
  return {};
}

/// Of a group that is not there: every member is unknown.
wire::LeaveGroupResponse all_unknown(const wire::LeaveGroupRequestView& request) {
  wire::LeaveGroupResponse response;
  const int16_t unknown = wire::error_code(Errc::unknown_member_id);
  if (request.version < 3) response.error_code = unknown;
  for (const auto& member : request.members) {
    auto& out = response.members.emplace_back();
    out.member_id = member.member_id;
    out.group_instance_id.reset();
    if (member.group_instance_id) out.group_instance_id = std::string(*member.group_instance_id);
    out.error_code = unknown;
  }
  return response;
}

}  // namespace

ClassicGroup* GroupMachine::classic_group(std::string_view id, bool make) {
  Group* group = find(id);
  if (group == nullptr) {
    if (!make) return nullptr;
    group = &install(std::make_unique<ClassicGroup>(std::string(id), settings_, ids_));
  }
  return group->type() == GroupType::classic ? static_cast<ClassicGroup*>(group) : nullptr;
}

void GroupMachine::settle(ClassicGroup& group) {
  if (group.is_transient() && !offsets_->knows(group.id())) {
    erase(std::string(group.id()));
  } else {
    schedule(group);
  }
}

Result<> GroupMachine::replay_classic_record(const Numbered& key, const ReplayedRecord& record) {
  TRY(const auto decoded, decode_key<wire::GroupMetadataKeyView>(key));
  const std::string id(decoded.group);
  if (record.value) {
    TRY(const auto value, decode_value<wire::GroupMetadataValueView>(*record.value));
    install(ClassicGroup::from_record(id, settings_, ids_, value));
    return {};
  }
  // A group of the other kind has records of its own.
  if (classic_group(id, false) == nullptr) return {};
  erase(id);
  // Offsets outlive what is recorded of the group.
  if (offsets_->knows(id)) classic_group(id, true);
  return {};
}

void GroupMachine::join_group(const Caller& caller, const wire::JoinGroupRequestView& request,
                              Ticket ticket, Now now, Effects& out) {
  if (const auto checked = check_join(request, settings_); !checked) {
    return refuse_join(request, ticket, checked.error().code, out);
  }
  if (ConsumerGroup* other = consumer_group_to_join(request.group_id, out)) {
    return join_consumer_group(*other, caller, request, ticket, now, out);
  }
  // Who has an id has it from a group that is there.
  ClassicGroup* group = classic_group(request.group_id, request.member_id.empty());
  if (group == nullptr) return refuse_join(request, ticket, Errc::unknown_member_id, out);
  group->join(caller, request, ticket, now, out);
  settle(*group);
}

void GroupMachine::sync_group(const wire::SyncGroupRequestView& request, Ticket ticket, Now now,
                              Effects& out) {
  if (request.group_id.empty()) return refuse_sync(ticket, Errc::invalid_group_id, out);
  if (ConsumerGroup* other = consumer_group(request.group_id)) {
    return sync_consumer_group(*other, request, ticket, now, out);
  }
  ClassicGroup* group = classic_group(request.group_id, false);
  if (group == nullptr) return refuse_sync(ticket, Errc::unknown_member_id, out);
  group->sync(request, ticket, now, out);
  settle(*group);
}

wire::HeartbeatResponse GroupMachine::heartbeat(const wire::HeartbeatRequestView& request, Now now,
                                                Effects&) {
  wire::HeartbeatResponse response;
  if (request.group_id.empty()) {
    response.error_code = wire::error_code(Errc::invalid_group_id);
    return response;
  }
  if (ConsumerGroup* other = consumer_group(request.group_id)) {
    return heartbeat_consumer_group(*other, request, now);
  }
  ClassicGroup* group = classic_group(request.group_id, false);
  const Result<> beat =
      group == nullptr ? fail(Errc::unknown_member_id) : group->heartbeat(request, now);
  response.error_code = wire::error_code(beat);
  if (group != nullptr) schedule(*group);
  return response;
}

wire::LeaveGroupResponse GroupMachine::leave_group(const wire::LeaveGroupRequestView& request,
                                                   Now now, Effects& out) {
  if (request.group_id.empty()) {
    wire::LeaveGroupResponse response;
    response.error_code = wire::error_code(Errc::invalid_group_id);
    return response;
  }
  if (ConsumerGroup* other = consumer_group(request.group_id)) {
    return leave_consumer_group(*other, request, now, out);
  }
  ClassicGroup* group = classic_group(request.group_id, false);
  if (group == nullptr) return all_unknown(request);
  wire::LeaveGroupResponse response = group->leave(request, now, out);
  settle(*group);
  return response;
}

GroupMachine::DescribedGroup GroupMachine::describe_group(std::string_view group_id,
                                                          int16_t version) const {
  const Group* known = group(group_id);
  if (known != nullptr && known->type() == GroupType::classic) {
    return static_cast<const ClassicGroup*>(known)->describe();
  }
  DescribedGroup out;
  out.group_id = group_id;
  out.group_state = "Dead";
  if (version < 6) return out;
  out.error_code = wire::error_code(Errc::group_id_not_found);
  out.error_message = known == nullptr ? fmt::format("Group {} not found.", group_id)
                                       : fmt::format("Group {} is not a classic group.", group_id);
  return out;
}

}  // namespace partita::coordinators
