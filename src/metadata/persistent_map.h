#pragma once
// PersistentMap: an ordered-by-bucket map whose copies share what did not change. Copying costs one
// pointer a bucket; changing an entry copies its bucket only, so that one new topic among ten
// thousand costs microseconds.
//
// Invariants:
//  1. Buckets are immutable once another copy may see them (they are shared_ptr to const).
//  2. The order of for_each depends on the keys alone: hash by content, then sorted within a
//     bucket.
//  3. All copies may be read from any thread; one copy is changed by one thread.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/uuid.h"

namespace partita::metadata {

/// Depends on content only: never on addresses or a process's salt.
inline uint32_t bucket_hash(const std::string& key) {
  uint32_t hash = 2166136261u;
  for (const char c : key) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  return hash ^ (hash >> 15);
}
inline uint32_t bucket_hash(const Uuid& id) {
  uint32_t hash = 2166136261u;
  for (const uint8_t byte : id.bytes()) hash = (hash ^ byte) * 16777619u;
  return hash ^ (hash >> 15);
}

template <class K, class V>
class PersistentMap {
 public:
  using Bucket = std::vector<std::pair<K, V>>;

  const V* find(const K& key) const {
    const auto& bucket = buckets_[index_of(key)];
    if (!bucket) return nullptr;
    const auto at = lower_bound(*bucket, key);
    return at != bucket->end() && at->first == key ? &at->second : nullptr;
  }
  void set(const K& key, V value) {
    Bucket& bucket = own(index_of(key));
    auto at = lower_bound(bucket, key);
    if (at != bucket.end() && at->first == key) {
      at->second = std::move(value);
      return;
    }
    bucket.emplace(at, key, std::move(value));
    size_++;
  }
  /// Answers whether the key was there.
  bool erase(const K& key) {
    if (find(key) == nullptr) return false;
    Bucket& bucket = own(index_of(key));
    bucket.erase(lower_bound(bucket, key));
    size_--;
    return true;
  }
  template <class F>
  void for_each(F&& visit) const {
    for (const auto& bucket : buckets_) {
      if (!bucket) continue;
      for (const auto& [key, value] : *bucket) visit(key, value);
    }
  }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  static constexpr size_t kBuckets = 256;

  static size_t index_of(const K& key) { return bucket_hash(key) % kBuckets; }
  static auto lower_bound(auto& bucket, const K& key) {
    return std::lower_bound(
        bucket.begin(), bucket.end(), key,
        [](const auto& entry, const K& wanted) { return entry.first < wanted; });
  }
  /// The bucket as this copy's alone. A bucket that no other copy holds is changed in place.
  Bucket& own(size_t index) {
    auto& bucket = buckets_[index];
    if (!bucket) {
      bucket = std::make_shared<Bucket>();
    } else if (bucket.use_count() > 1) {
      bucket = std::make_shared<Bucket>(*bucket);
    }
    return *bucket;
  }

  std::array<std::shared_ptr<Bucket>, kBuckets> buckets_ = {};
  size_t size_ = 0;
};

}  // namespace partita::metadata
