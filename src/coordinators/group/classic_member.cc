#include "coordinators/group/classic_member.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

namespace partita::coordinators {
namespace {

constexpr size_t kNamePrefixMax = 255;  ///< of a member id: Kafka's strings end at 32767 bytes
constexpr size_t kMemberOverhead = 64;  ///< lengths and numbers of a member in the record
constexpr size_t kProtocolOverhead = 64;

/// At most `size` bytes, ending between two characters.
std::string_view prefix_of(std::string_view text, size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<uint8_t>(text[size]) & 0xC0) == 0x80) size--;
  return text.substr(0, size);
}

/// As Java prints a UUID.
std::string dashed(const Uuid& uuid) {
  std::string out;
  for (size_t i = 0; i < uuid.bytes().size(); i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += fmt::format("{:02x}", uuid.bytes()[i]);
  }
  return out;
}

}  // namespace

ByteView ClassicMember::metadata(std::string_view protocol) const {
  const auto found = std::ranges::find(protocols, protocol, &ClassicProtocol::name);
  return found == protocols.end() ? ByteView() : found->metadata.view();
}

bool ClassicMember::knows(std::string_view protocol) const {
  return std::ranges::find(protocols, protocol, &ClassicProtocol::name) != protocols.end();
}

bool ClassicMember::has_protocols(const wire::JoinGroupRequestView& request) const {
  if (request.protocols.size() != protocols.size()) return false;
  auto mine = protocols.begin();
  for (const auto& protocol : request.protocols) {
    if (mine->name != protocol.name || !equal(mine->metadata.view(), protocol.metadata)) {
      return false;
    }
    ++mine;
  }
  return true;
}

size_t ClassicMember::largest_metadata() const {
  size_t largest = 0;
  for (const ClassicProtocol& protocol : protocols) {
    largest = std::max(largest, protocol.metadata.size());
  }
  return largest;
}

size_t ClassicMember::record_bytes() const {
  return kMemberOverhead + id.size() + (instance_id ? instance_id->size() : 0) + client_id.size() +
         client_host.size() + largest_metadata() + assignment.size();
}

std::vector<ClassicProtocol> protocols_of(const wire::JoinGroupRequestView& request) {
  std::vector<ClassicProtocol> out;
  std::set<std::string_view> names;
  for (const auto& protocol : request.protocols) {
    if (!names.insert(protocol.name).second) continue;
    out.push_back(
        {.name = std::string(protocol.name), .metadata = Bytes::copy_of(protocol.metadata)});
  }
  return out;
}

size_t protocol_bytes(const wire::JoinGroupRequestView& request) {
  size_t total = 0;
  for (const auto& protocol : request.protocols) {
    total += kProtocolOverhead + protocol.name.size() + protocol.metadata.size();
  }
  return total;
}

size_t metadata_bytes(const wire::JoinGroupRequestView& request) {
  size_t largest = 0;
  for (const auto& protocol : request.protocols) {
    largest = std::max(largest, protocol.metadata.size());
  }
  return largest;
}

int32_t rebalance_timeout_of(const wire::JoinGroupRequestView& request) {
  return request.version == 0 ? request.session_timeout_ms : request.rebalance_timeout_ms;
}

std::string make_member_id(std::string_view client_or_instance, const Uuid& unique) {
  return fmt::format("{}-{}", prefix_of(client_or_instance, kNamePrefixMax), dashed(unique));
}

}  // namespace partita::coordinators
