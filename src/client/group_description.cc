#include "client/group_description.h"

#include "client/admin_call.h"
#include "client/consumer_protocol.h"
#include "wire/messages/consumer_group_describe.h"
#include "wire/messages/describe_groups.h"

namespace partita::client {
namespace {

constexpr int8_t kClassicMember = 0;
constexpr int8_t kConsumerMember = 1;

std::vector<TopicPartition> partitions_of(
    const wire::consumer_group_describe_response::AssignmentView& assignment) {
  std::vector<TopicPartition> all;
  for (const auto& topic : assignment.topic_partitions) {
    for (const int32_t each : topic.partitions) {
      all.push_back({std::string(topic.topic_name), PartitionIndex(each)});
    }
  }
  return all;
}

std::optional<std::string> text_of(const std::optional<std::string_view>& text) {
  return text ? std::optional(std::string(*text)) : std::nullopt;
}

GroupMember member_of(const wire::consumer_group_describe_response::MemberView& from) {
  GroupMember member{.id = std::string(from.member_id),
                     .instance_id = text_of(from.instance_id),
                     .client_id = std::string(from.client_id),
                     .host = std::string(from.client_host),
                     .assignment = partitions_of(from.assignment),
                     .target_assignment = partitions_of(from.target_assignment),
                     .epoch = from.member_epoch,
                     .is_upgraded = std::nullopt};
  if (from.member_type == kConsumerMember) member.is_upgraded = true;
  if (from.member_type == kClassicMember) member.is_upgraded = false;
  return member;
}

GroupDescription group_of(const wire::consumer_group_describe_response::DescribedGroupView& from,
                          const BrokerView& coordinator) {
  GroupDescription group{.id = std::string(from.group_id),
                         .is_classic = false,
                         .protocol_type = std::string(kConsumerProtocolType),
                         .state = std::string(from.group_state),
                         .assignor = std::string(from.assignor_name),
                         .epoch = from.group_epoch,
                         .assignment_epoch = from.assignment_epoch,
                         .members = {},
                         .coordinator = coordinator};
  for (const auto& each : from.members) group.members.push_back(member_of(each));
  return group;
}

Result<GroupDescription> group_of(const wire::describe_groups_response::DescribedGroupView& from,
                                  const BrokerView& coordinator) {
  GroupDescription group{.id = std::string(from.group_id),
                         .is_classic = true,
                         .protocol_type = std::string(from.protocol_type),
                         .state = std::string(from.group_state),
                         .assignor = std::string(from.protocol_data),
                         .epoch = std::nullopt,
                         .assignment_epoch = std::nullopt,
                         .members = {},
                         .coordinator = coordinator};
  const bool of_consumers = group.protocol_type.empty() || group.protocol_type == "consumer";
  for (const auto& each : from.members) {
    GroupMember member{.id = std::string(each.member_id),
                       .instance_id = text_of(each.group_instance_id),
                       .client_id = std::string(each.client_id),
                       .host = std::string(each.client_host),
                       .assignment = {},
                       .target_assignment = {},
                       .epoch = std::nullopt,
                       .is_upgraded = std::nullopt};
    if (of_consumers && !each.member_assignment.empty()) {
      TRY(member.assignment, decode_assignment(each.member_assignment));
    }
    group.members.push_back(std::move(member));
  }
  return group;
}

}  // namespace

Result<std::vector<std::string>> take_consumer_groups(const Answer& answer,
                                                      const BrokerView& coordinator,
                                                      Outcomes<GroupDescription>& described) {
  TRY(const auto response,
      wire::ConsumerGroupDescribeResponseView::decode(answer.body.view(), answer.version));
  std::vector<std::string> classic;
  for (const auto& each : response.groups) {
    const std::string id(each.group_id);
    if (const auto failed = result_of(each.error_code, each.error_message); !failed) {
      const Errc code = failed.error().code;
      if (code == Errc::group_id_not_found || code == Errc::unsupported_version) {
        classic.push_back(id);
      } else {
        described.push_back({.name = id, .result = std::unexpected(failed.error())});
      }
      continue;
    }
    described.push_back({.name = id, .result = group_of(each, coordinator)});
  }
  return classic;
}

Result<> take_classic_groups(const Answer& answer, const BrokerView& coordinator,
                             Outcomes<GroupDescription>& described) {
  TRY(const auto response,
      wire::DescribeGroupsResponseView::decode(answer.body.view(), answer.version));
  for (const auto& each : response.groups) {
    const std::string id(each.group_id);
    if (const auto failed = result_of(each.error_code, each.error_message); !failed) {
      described.push_back({.name = id, .result = std::unexpected(failed.error())});
    } else {
      described.push_back({.name = id, .result = group_of(each, coordinator)});
    }
  }
  return {};
}

}  // namespace partita::client
