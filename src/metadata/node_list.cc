#include "metadata/node_list.h"

#include <algorithm>
#include <utility>

namespace partita::metadata {

NodeList::NodeList(std::span<const int32_t> nodes) {
  std::vector<NodeId> ids;
  ids.reserve(nodes.size());
  for (const int32_t node : nodes) ids.emplace_back(node);
  assign(ids);
}

NodeList NodeList::without(NodeId node) const {
  std::vector<NodeId> kept;
  kept.reserve(size_);
  for (const NodeId id : *this) {
    if (id != node) kept.push_back(id);
  }
  return NodeList(std::span<const NodeId>(kept));
}

std::vector<int32_t> NodeList::values() const {
  std::vector<int32_t> values;
  values.reserve(size_);
  for (const NodeId id : *this) values.push_back(id.value());
  return values;
}

void NodeList::assign(std::span<const NodeId> nodes) {
  clear();
  NodeId* to = reinterpret_cast<NodeId*>(storage_);
  if (nodes.size() > kInline) {
    to = new NodeId[nodes.size()];
    std::memcpy(storage_, &to, sizeof(NodeId*));
  }
  std::copy(nodes.begin(), nodes.end(), to);
  size_ = static_cast<uint32_t>(nodes.size());
}

void NodeList::steal(NodeList& other) noexcept {
  std::memcpy(storage_, other.storage_, sizeof(storage_));
  size_ = std::exchange(other.size_, 0);
}

void NodeList::clear() {
  if (size_ > kInline) delete[] heap();
  size_ = 0;
}

}  // namespace partita::metadata
