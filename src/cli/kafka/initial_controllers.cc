#include "cli/kafka/initial_controllers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

namespace partita::cli::kafka {
namespace {

Error bad_voter(std::string_view text) {
  return {Errc::invalid_argument,
          fmt::format("Exception in thread \"main\" java.lang.IllegalArgumentException: {}", text)};
}

std::optional<int32_t> parse_int(std::string_view text) {
  int32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Takes the host off the front of "host:..." or "[host]:...".
Result<std::string_view> take_host(std::string_view& text) {
  if (!text.starts_with('[')) {
    const std::string_view host = text.substr(0, text.find(':'));
    text.remove_prefix(host.size());
    return host;
  }
  const size_t end = text.find(']');
  if (end == text.npos) {
    return std::unexpected(
        bad_voter("Hostname began with left bracket, but no right bracket was found."));
  }
  const std::string_view host = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  return host;
}

/// "2@localhost:9093:07R5amHmR32VDA6jHkGbTA"; a host in brackets may have colons.
Result<broker::InitialController> parse_initial_controller(std::string_view text) {
  const size_t at = text.find('@');
  if (at == text.npos) return std::unexpected(bad_voter("No @ found in dynamic voter string."));
  const auto id = parse_int(text.substr(0, at));
  if (!id) return std::unexpected(bad_voter("Failed to parse node id in dynamic voter string."));
  if (*id < 0)
    return std::unexpected(
        bad_voter(fmt::format("Invalid negative node id {} in dynamic voter string.", *id)));
  text.remove_prefix(at + 1);
  TRY(const std::string_view host, take_host(text));
  if (!text.starts_with(':'))
    return std::unexpected(bad_voter("No colon following hostname could be found."));
  text.remove_prefix(1);
  const size_t colon = text.find(':');
  if (colon == text.npos)
    return std::unexpected(bad_voter("No colon following port could be found."));
  const auto port = parse_int(text.substr(0, colon));
  if (!port) return std::unexpected(bad_voter("Failed to parse port in dynamic voter string."));
  if (*port < 0 || *port > 65535)
    return std::unexpected(
        bad_voter(fmt::format("Invalid port {} in dynamic voter string.", *port)));
  const auto directory = Uuid::parse(text.substr(colon + 1));
  if (!directory)
    return std::unexpected(bad_voter("Failed to parse directory ID in dynamic voter string."));
  return broker::InitialController{.id = NodeId(*id),
                                   .host = std::string(host),
                                   .port = static_cast<uint16_t>(*port),
                                   .directory_id = *directory};
}

}  // namespace

Result<std::vector<broker::InitialController>> parse_initial_controllers(std::string_view text) {
  std::vector<broker::InitialController> found;
  std::set<NodeId> ids;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(one.size() + 1, text.size()));
    TRY(broker::InitialController each, parse_initial_controller(one));
    if (!ids.insert(each.id).second) {
      return std::unexpected(
          bad_voter(fmt::format("Node id {} was specified more than once.", each.id.value())));
    }
    found.push_back(std::move(each));
  }
  if (found.empty()) return std::unexpected(bad_voter("No voters given."));
  return found;
}

}  // namespace partita::cli::kafka
