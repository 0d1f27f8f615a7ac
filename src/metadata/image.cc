#include "metadata/image.h"

#include <algorithm>

namespace partita::metadata {

DirectoryId PartitionImage::directory_of(NodeId node) const {
  for (size_t i = 0; i < replicas.size() && i < directories.size(); i++) {
    if (replicas[i] == node) return directories[i];
  }
  return {};
}

const PartitionImage* TopicImage::partition(PartitionIndex index) const {
  const auto at = static_cast<size_t>(index.value());
  return index.value() >= 0 && at < partitions.size() ? &partitions[at] : nullptr;
}

const Endpoint* BrokerImage::endpoint(std::string_view listener) const {
  const auto at = std::ranges::find(endpoints, listener, &Endpoint::listener);
  return at == endpoints.end() ? nullptr : &*at;
}

uint32_t bucket_hash(const ConfigResource& resource) {
  return bucket_hash(resource.name) ^ static_cast<uint8_t>(resource.type);
}

std::shared_ptr<const Image> Image::empty() {
  auto image = std::make_shared<Image>();
  image->brokers_ = std::make_shared<std::map<NodeId, BrokerImage>>();
  image->opaque_ = std::make_shared<std::map<OpaqueKey, Bytes>>();
  return image;
}

std::shared_ptr<const TopicImage> Image::topic(std::string_view name) const {
  const auto* found = topics_by_name_.find(std::string(name));
  return found == nullptr ? nullptr : *found;
}

std::shared_ptr<const TopicImage> Image::topic(const TopicId& id) const {
  const auto* found = topics_by_id_.find(id);
  return found == nullptr ? nullptr : *found;
}

const PartitionImage* Image::partition(const TopicId& id, PartitionIndex index) const {
  const auto* found = topics_by_id_.find(id);
  return found == nullptr ? nullptr : (*found)->partition(index);
}

std::vector<std::shared_ptr<const TopicImage>> Image::topics_sorted_by_name() const {
  std::vector<std::shared_ptr<const TopicImage>> topics;
  topics.reserve(topic_count());
  for_each_topic([&](const auto& topic) { topics.push_back(topic); });
  std::ranges::sort(topics, {}, &TopicImage::name);
  return topics;
}

const BrokerImage* Image::broker(NodeId id) const {
  const auto at = brokers_->find(id);
  return at == brokers_->end() ? nullptr : &at->second;
}

const Configs& Image::configs(const ConfigResource& resource) const {
  static const Configs kNone;
  const auto* found = configs_.find(resource);
  return found == nullptr ? kNone : **found;
}

int16_t Image::metadata_version() const {
  const auto at = features_.find("metadata.version");
  return at == features_.end() ? int16_t{-1} : at->second;
}

namespace {

template <class K, class T>
bool same_entries(const PersistentMap<K, std::shared_ptr<const T>>& a,
                  const PersistentMap<K, std::shared_ptr<const T>>& b) {
  if (a.size() != b.size()) return false;
  bool same = true;
  a.for_each([&](const K& key, const auto& value) {
    const auto* other = b.find(key);
    if (other == nullptr || (*other != value && !(**other == *value))) same = false;
  });
  return same;
}

bool same_opaque(const std::map<OpaqueKey, Bytes>& a, const std::map<OpaqueKey, Bytes>& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.first == y.first && equal(x.second.view(), y.second.view());
  });
}

}  // namespace

bool Image::same_state(const Image& other) const {
  return same_entries(topics_by_id_, other.topics_by_id_) &&
         same_entries(topics_by_name_, other.topics_by_name_) &&
         same_entries(configs_, other.configs_) && *brokers_ == *other.brokers_ &&
         features_ == other.features_ && next_producer_id_ == other.next_producer_id_ &&
         producer_ids_last_asked_by_ == other.producer_ids_last_asked_by_ &&
         same_opaque(*opaque_, *other.opaque_);
}

}  // namespace partita::metadata
