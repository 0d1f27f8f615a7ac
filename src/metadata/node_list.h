#pragma once
// NodeList: an ordered list of broker ids, as replicas and in-sync replicas are. Up to three ids
// live inside the object (16 bytes); longer lists own one allocation. Plain value type.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "base/ids.h"

namespace partita::metadata {

class NodeList {
 public:
  NodeList() = default;
  NodeList(std::initializer_list<NodeId> nodes) { assign({nodes.begin(), nodes.size()}); }
  explicit NodeList(std::span<const NodeId> nodes) { assign(nodes); }
  explicit NodeList(std::span<const int32_t> nodes);
  NodeList(const NodeList& other) { assign(other.view()); }
  NodeList(NodeList&& other) noexcept { steal(other); }
  NodeList& operator=(const NodeList& other) {
    if (this != &other) assign(other.view());
    return *this;
  }
  NodeList& operator=(NodeList&& other) noexcept {
    if (this != &other) {
      clear();
      steal(other);
    }
    return *this;
  }
  ~NodeList() { clear(); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<const NodeId> view() const { return {data(), size_}; }
  const NodeId* begin() const { return data(); }
  const NodeId* end() const { return data() + size_; }
  NodeId operator[](size_t i) const { return view()[i]; }
  bool contains(NodeId node) const { return std::find(begin(), end(), node) != end(); }
  /// A copy that lacks `node`; order is kept.
  NodeList without(NodeId node) const;
  std::vector<int32_t> values() const;
  bool operator==(const NodeList& other) const { return std::ranges::equal(view(), other.view()); }

 private:
  static constexpr uint32_t kInline = 3;

  const NodeId* data() const {
    if (size_ <= kInline) return reinterpret_cast<const NodeId*>(storage_);
    return heap();
  }
  NodeId* heap() const {
    NodeId* pointer;
    std::memcpy(&pointer, storage_, sizeof(NodeId*));
    return pointer;
  }
  void assign(std::span<const NodeId> nodes);
  void steal(NodeList& other) noexcept;
  void clear();

  uint32_t size_ = 0;
  alignas(4) unsigned char storage_[kInline * sizeof(NodeId)];  ///< the ids, or a pointer to them
};
static_assert(sizeof(NodeList) == 16);

}  // namespace partita::metadata
