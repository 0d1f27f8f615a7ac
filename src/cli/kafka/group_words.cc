#include "cli/kafka/group_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace partita::cli::kafka {
namespace {

constexpr std::string_view kStates[] = {
    "PreparingRebalance", "CompletingRebalance", "Stable", "Dead", "Empty",
    "Assigning",          "Reconciling"};
constexpr std::string_view kTypes[] = {"Classic", "Consumer", "Share", "Streams"};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool is_same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

Result<std::vector<std::string>> parse_words(std::string_view text, std::string_view list,
                                             std::string_view what,
                                             std::span<const std::string_view> known) {
  std::vector<std::string> words;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string_view word = trimmed(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    const auto at = std::ranges::find_if(
        known, [&](std::string_view each) { return is_same_word(each, word); });
    if (at == known.end()) {
      return fail(Errc::invalid_argument, fmt::format("Invalid {} list '{}'. Valid {} are: {}",
                                                      list, text, what, fmt::join(known, ", ")));
    }
    words.emplace_back(*at);
  }
  return words;
}

std::string_view spelling(std::string_view word, std::span<const std::string_view> known) {
  const auto at =
      std::ranges::find_if(known, [&](std::string_view each) { return is_same_word(each, word); });
  return at == known.end() ? "Unknown" : *at;
}

}  // namespace

Result<std::vector<std::string>> parse_group_states(std::string_view text) {
  return parse_words(text, "state", "states", kStates);
}

Result<std::vector<std::string>> parse_group_types(std::string_view text) {
  return parse_words(text, "types", "types", std::span(kTypes).first(2));
}

std::string_view group_state_words(std::string_view state) {
  return spelling(state, kStates);
}

std::string_view group_type_words(std::string_view type) {
  return spelling(type, kTypes);
}

}  // namespace partita::cli::kafka
