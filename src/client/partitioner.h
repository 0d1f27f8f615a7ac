#pragma once
// Which partition a record goes to. A Partitioner belongs to one producer.
//
// Invariants:
//  1. The same key goes to the same partition as long as the count does not change, and to the one
//     that the Java client would choose.
//  2. Records without a key never go to a partition without a leader while another one has one.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "client/topic_view.h"
#include "runtime/random.h"

namespace partita::client {

class Partitioner {
 public:
  virtual ~Partitioner() = default;
  /// An index into the topic's partitions; out of range is an error of the record. REQUIRED: the
  /// topic has partitions.
  virtual int32_t choose(const TopicView& topic, std::optional<ByteView> key) = 0;
  /// So many bytes went to the partition that choose() answered last for this topic.
  virtual void appended(const TopicView& topic, size_t bytes) {
    static_cast<void>(topic);
    static_cast<void>(bytes);
  }
};

/// The Java client's default: murmur2 of the key; without a key one partition until some
/// `switch_bytes` went there, then another, drawn at random.
std::unique_ptr<Partitioner> sticky_partitioner(Random& random, size_t switch_bytes,
                                                bool ignore_keys = false);
/// murmur2 of the key; records without one take turns.
std::unique_ptr<Partitioner> key_hash_partitioner();
/// Every record to the next partition that has a leader, keys or not.
std::unique_ptr<Partitioner> round_robin_partitioner();
using PartitionFunction = std::function<int32_t(const TopicView&, std::optional<ByteView>)>;
std::unique_ptr<Partitioner> function_partitioner(PartitionFunction function);

}  // namespace partita::client
