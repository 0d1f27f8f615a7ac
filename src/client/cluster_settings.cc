#include "client/cluster_settings.h"

#include <charconv>

#include "base/log.h"

namespace partita::client {
namespace {

Result<BrokerAddress> parse_address(std::string_view text) {
  const auto wrong = [&] {
    return fail(Errc::invalid_argument, "Invalid url in bootstrap.servers: " + std::string(text));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return wrong();
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') != host.ends_with(']')) return wrong();
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const std::string_view digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (host.empty() || error != std::errc() || end != digits.data() + digits.size()) return wrong();
  return BrokerAddress{.host = std::string(host), .port = port};
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string BrokerAddress::to_string() const {
  const bool numeric_ipv6 = host.find(':') != std::string::npos;
  return (numeric_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<std::vector<BrokerAddress>> parse_bootstrap(std::string_view text) {
  std::vector<BrokerAddress> addresses;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view entry = trimmed(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (entry.empty()) continue;
    TRY(BrokerAddress address, parse_address(entry));
    addresses.push_back(std::move(address));
  }
  if (addresses.empty()) {
    return fail(Errc::invalid_argument, "No resolvable bootstrap urls given in bootstrap.servers");
  }
  return addresses;
}

}  // namespace partita::client
