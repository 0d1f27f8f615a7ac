#include "client/group_membership.h"

namespace partita::client {

std::map<std::string, std::vector<TopicPartition>> assign_ranges(
    const std::map<std::string, std::vector<std::string>>& topics_by_member,
    const std::map<std::string, size_t>& partition_counts) {
  std::map<std::string, std::vector<TopicPartition>> assigned;
  std::map<std::string, std::vector<std::string>> members_by_topic;
  for (const auto& [member, topics] : topics_by_member) {
    assigned.try_emplace(member);
    for (const std::string& topic : topics) members_by_topic[topic].push_back(member);
  }
  for (const auto& [topic, members] : members_by_topic) {
    const auto count = partition_counts.find(topic);
    if (count == partition_counts.end()) continue;
    const size_t each = count->second / members.size();
    const size_t more = count->second % members.size();
    int32_t next = 0;
    for (size_t i = 0; i < members.size(); i++) {
      const size_t share = each + (i < more ? 1 : 0);
      for (size_t j = 0; j < share; j++) {
        assigned[members[i]].push_back({topic, PartitionIndex(next++)});
      }
    }
  }
  return assigned;
}

}  // namespace partita::client
