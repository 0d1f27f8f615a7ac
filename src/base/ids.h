#pragma once
// Kafka's ids and counters as types of their own: no conversion to or from integers but value() and
// the explicit constructor, so that an offset cannot pass for an epoch. Offsets move by OffsetDelta
// only.

#include <compare>
#include <cstdint>
#include <functional>

namespace partita {

template <class Tag, class Rep>
class Id {
 public:
  using rep = Rep;
  constexpr Id() = default;
  constexpr explicit Id(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const Id&) const = default;

 private:
  Rep value_ = {};
};

using NodeId = Id<struct NodeIdTag, int32_t>;                  ///< broker or controller id
using PartitionIndex = Id<struct PartitionIndexTag, int32_t>;  ///< position within its topic
using LeaderEpoch = Id<struct LeaderEpochTag, int32_t>;        ///< per partition; -1 unknown
using PartitionEpoch = Id<struct PartitionEpochTag, int32_t>;
using BrokerEpoch = Id<struct BrokerEpochTag, int64_t>;      ///< offset of the registration record
using ProducerId = Id<struct ProducerIdTag, int64_t>;        ///< -1 none
using ProducerEpoch = Id<struct ProducerEpochTag, int16_t>;  ///< -1 none
using ShardId = Id<struct ShardIdTag, uint32_t>;

inline constexpr NodeId kNoNode{-1};
inline constexpr LeaderEpoch kNoLeaderEpoch{-1};
inline constexpr ProducerId kNoProducerId{-1};
inline constexpr ProducerEpoch kNoProducerEpoch{-1};

/// A distance between two offsets, in records.
using OffsetDelta = Id<struct OffsetDeltaTag, int64_t>;

/// A record's place in its partition's log.
class Offset {
 public:
  constexpr Offset() = default;
  constexpr explicit Offset(int64_t value) : value_(value) {}
  constexpr int64_t value() const { return value_; }
  constexpr auto operator<=>(const Offset&) const = default;

  friend constexpr Offset operator+(Offset at, OffsetDelta by) {
    return Offset(at.value_ + by.value());
  }
  friend constexpr Offset operator-(Offset at, OffsetDelta by) {
    return Offset(at.value_ - by.value());
  }
  friend constexpr OffsetDelta operator-(Offset a, Offset b) {
    return OffsetDelta(a.value_ - b.value_);
  }
  constexpr Offset next() const { return Offset(value_ + 1); }

 private:
  int64_t value_ = 0;
};

inline constexpr Offset kNoOffset{-1};

}  // namespace partita

template <class Tag, class Rep>
struct std::hash<partita::Id<Tag, Rep>> {
  size_t operator()(partita::Id<Tag, Rep> id) const { return std::hash<Rep>{}(id.value()); }
};
