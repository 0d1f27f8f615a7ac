#pragma once
// A cluster whose topics come, grow and go, for tests of groups: the images that brokers would see.

#include <gtest/gtest.h>

#include "metadata/delta.h"
#include "metadata/image.h"
#include "metadata/image_records.h"

namespace partita::coordinators {

class ClusterImage {
 public:
  std::shared_ptr<const metadata::Image> image() const { return image_; }

  /// The topic with that many partitions: made, grown, or as it is.
  void topic(const std::string& name, int32_t partitions) {
    const auto known = image_->topic(name);
    std::vector<metadata::Record> records;
    const TopicId id = known ? known->id : next_id();
    if (!known) records.push_back({wire::TopicRecord{.name = name, .topic_id = id}, 0});
    const auto from = known ? static_cast<int32_t>(known->partitions.size()) : 0;
    for (int32_t index = from; index < partitions; ++index) {
      records.push_back({wire::PartitionRecord{.partition_id = index,
                                               .topic_id = id,
                                               .replicas = {1},
                                               .isr = {1},
                                               .leader = 1,
                                               .leader_epoch = 0,
                                               .partition_epoch = 0,
                                               .directories = {Uuid::from_random(1, 1)}},
                         2});
    }
    apply(records);
  }
  void remove(const std::string& name) {
    const auto known = image_->topic(name);
    if (known) apply({{wire::RemoveTopicRecord{.topic_id = known->id}, 0}});
  }
  void group_config(const std::string& group, const std::string& name, const std::string& value) {
    apply({{wire::ConfigRecord{
                .resource_type = 32, .resource_name = group, .name = name, .value = value},
            0}});
  }
  TopicId id(const std::string& name) const { return image_->topic(name)->id; }

  void apply(const std::vector<metadata::Record>& records) {
    metadata::Delta delta(image_);
    for (const auto& record : records) {
      const auto replayed = delta.replay(record);
      ASSERT_TRUE(replayed.has_value()) << describe(replayed.error());
    }
    offset_ = offset_.next();
    auto finished = std::move(delta).finish(offset_, LeaderEpoch(1), 1);
    ASSERT_TRUE(finished.has_value()) << describe(finished.error());
    image_ = finished->image;
  }

 private:
  Uuid next_id() { return Uuid::from_random(7, ++topics_made_); }

  std::shared_ptr<const metadata::Image> image_ = metadata::Image::empty();
  Offset offset_;
  uint64_t topics_made_ = 0;
};

}  // namespace partita::coordinators
