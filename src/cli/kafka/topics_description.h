#pragma once
// What kafka-topics --describe prints of a topic.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/kafka/topics_options.h"
#include "client/admin.h"

namespace partita::cli::kafka {

/// What describing needs beside the topics.
struct TopicSurroundings {
  std::set<NodeId> live;
  std::map<std::string, std::vector<client::ConfigEntry>> configs;
  std::map<client::TopicPartition, client::PartitionReassignment> reassignments;
};

/// One line of the topic, and one of each partition that the options ask for.
void print_topic(const TopicsOptions& options, const std::string& name,
                 const client::TopicDescription& topic, const TopicSurroundings& around);

}  // namespace partita::cli::kafka
