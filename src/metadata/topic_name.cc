#include "metadata/topic_name.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/log.h"

namespace partita::metadata {

namespace {

constexpr size_t kNameMax = 249;

bool legal(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

std::unexpected<Error> refuse(std::string why) {
  return fail(Errc::invalid_topic_exception, "Topic name is invalid: " + why);
}

}  // namespace

Result<> check_topic_name(std::string_view name) {
  if (name.empty()) return refuse("the empty string is not allowed");
  if (name == "." || name == "..") return refuse(fmt::format("'{}' is not allowed", name));
  if (name.size() > kNameMax) {
    // A name that is no text must not reach a client as words.
    const bool text = std::ranges::all_of(name, legal);
    return refuse(fmt::format("the length of {} is longer than the max allowed length {}",
                              text ? fmt::format("'{}'", name) : partita::quoted(name), kNameMax));
  }
  if (!std::ranges::all_of(name, legal)) {
    return refuse(fmt::format(
        "{} contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
        partita::quoted(name)));
  }
  return {};
}

std::string collision_key(std::string_view name) {
  std::string key(name);
  std::ranges::replace(key, '.', '_');
  return key;
}

}  // namespace partita::metadata
