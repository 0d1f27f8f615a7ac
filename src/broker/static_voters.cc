#include "broker/static_voters.h"

#include <fmt/format.h>

#include <charconv>
#include <set>

namespace partita::broker {
namespace {

constexpr std::string_view kSetting = "controller.quorum.voters";
constexpr std::string_view kListener = "CONTROLLER";

Result<raft::Voter> parse_voter(std::string_view text) {
  const auto wrong = [text] {
    return fail(Errc::invalid_argument,
                fmt::format("Invalid value {} for configuration {}: each entry has the form "
                            "id@host:port",
                            text, kSetting));
  };
  const size_t at = text.find('@');
  if (at == text.npos) return wrong();
  int32_t id = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + at, id);
  if (error != std::errc() || end != text.data() + at || id < 0) return wrong();
  const auto address = parse_listeners(fmt::format("{}://{}", kListener, text.substr(at + 1)));
  if (!address || address->size() != 1) return wrong();
  const ListenerAddress& found = address->front();
  return raft::Voter{.key = {NodeId(id), DirectoryId()},
                     .endpoints = {{found.name, found.host, found.port}},
                     .kraft_version_max = 0};
}

}  // namespace

Result<raft::VoterSet> static_voters(const Settings& settings) {
  const std::string all = setting_text(settings, kSetting).value_or("");
  std::vector<raft::Voter> voters;
  std::set<NodeId> ids;
  for (std::string_view rest = all; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    TRY(raft::Voter voter, parse_voter(one));
    if (!ids.insert(voter.key.id).second) {
      return fail(Errc::invalid_argument,
                  fmt::format("Invalid value {} for configuration {}: id {} is there twice", all,
                              kSetting, voter.key.id.value()));
    }
    voters.push_back(std::move(voter));
  }
  return raft::VoterSet(std::move(voters));
}

}  // namespace partita::broker
