#include "client/partitioner.h"

#include "base/murmur2.h"

namespace partita::client {
namespace {

std::vector<int32_t> with_leader(const TopicView& topic) {
  std::vector<int32_t> indexes;
  for (const PartitionView& each : topic.partitions) {
    if (each.leader != kNoNode) indexes.push_back(each.index.value());
  }
  return indexes;
}

int32_t count_of(const TopicView& topic) {
  return static_cast<int32_t>(topic.partitions.size());
}

class StickyPartitioner final : public Partitioner {
 public:
  StickyPartitioner(Random& random, size_t switch_bytes, bool ignore_keys)
      : random_(random), switch_bytes_(switch_bytes), ignore_keys_(ignore_keys) {}

  int32_t choose(const TopicView& topic, std::optional<ByteView> key) override {
    counting_ = !key || ignore_keys_;
    if (!counting_) return partition_for_key(*key, count_of(topic));
    Sticky& sticky = stickies_[topic.name];
    const PartitionView* at = topic.find(PartitionIndex(sticky.partition));
    if (at == nullptr || sticky.bytes >= switch_bytes_ || at->leader == kNoNode) {
      sticky = {.partition = draw(topic), .bytes = 0};
    }
    return sticky.partition;
  }

  void appended(const TopicView& topic, size_t bytes) override {
    if (counting_) stickies_[topic.name].bytes += bytes;
  }

 private:
  struct Sticky {
    int32_t partition = -1;
    size_t bytes = 0;
  };

  int32_t draw(const TopicView& topic) {
    const std::vector<int32_t> indexes = with_leader(topic);
    if (!indexes.empty()) return indexes[random_.below(indexes.size())];
    return static_cast<int32_t>(random_.below(topic.partitions.size()));
  }

  Random& random_;
  const size_t switch_bytes_;
  const bool ignore_keys_;
  bool counting_ = false;
  std::map<std::string, Sticky> stickies_;  // as many as topics
};

class RoundRobinPartitioner final : public Partitioner {
 public:
  explicit RoundRobinPartitioner(bool hash_keys) : hash_keys_(hash_keys) {}

  int32_t choose(const TopicView& topic, std::optional<ByteView> key) override {
    if (hash_keys_ && key) return partition_for_key(*key, count_of(topic));
    const uint32_t turn = turns_[topic.name]++;
    const std::vector<int32_t> indexes = with_leader(topic);
    if (!indexes.empty()) return indexes[turn % indexes.size()];
    return static_cast<int32_t>(turn % topic.partitions.size());
  }

 private:
  const bool hash_keys_;
  std::map<std::string, uint32_t> turns_;  // as many as topics
};

class FunctionPartitioner final : public Partitioner {
 public:
  explicit FunctionPartitioner(PartitionFunction function) : function_(std::move(function)) {}
  int32_t choose(const TopicView& topic, std::optional<ByteView> key) override {
    return function_(topic, key);
  }

 private:
  const PartitionFunction function_;
};

}  // namespace

std::unique_ptr<Partitioner> sticky_partitioner(Random& random, size_t switch_bytes,
                                                bool ignore_keys) {
  return std::make_unique<StickyPartitioner>(random, switch_bytes, ignore_keys);
}
std::unique_ptr<Partitioner> key_hash_partitioner() {
  return std::make_unique<RoundRobinPartitioner>(true);
}
std::unique_ptr<Partitioner> round_robin_partitioner() {
  return std::make_unique<RoundRobinPartitioner>(false);
}
std::unique_ptr<Partitioner> function_partitioner(PartitionFunction function) {
  return std::make_unique<FunctionPartitioner>(std::move(function));
}

}  // namespace partita::client
