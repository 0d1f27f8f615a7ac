#include "sim/history.h"

#include <fmt/core.h>

#include <charconv>

namespace partita::sim {

std::string RecordName::to_string() const {
  return fmt::format("p{}-{}", producer, number);
}

std::string value_of(RecordName name, size_t size) {
  std::string value = fmt::format("{}:{}:", name.to_string(), size);
  uint32_t state = name.producer * 7919 + name.number;
  while (value.size() < size) {
    state = state * 1664525 + 1013904223;
    value += static_cast<char>('a' + (state >> 24) % 26);
  }
  return value;
}

Result<RecordName> name_in(std::string_view value) {
  const auto bad = [] { return fail(Errc::corrupt_data, "a value that nobody sent"); };
  const auto number = [&](char before, auto& into) {
    if (value.empty() || value.front() != before) return false;
    value.remove_prefix(1);
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), into);
    value.remove_prefix(static_cast<size_t>(parsed.ptr - value.data()));
    return parsed.ec == std::errc{};
  };
  const std::string_view whole = value;
  RecordName name;
  size_t size = 0;
  if (!number('p', name.producer) || !number('-', name.number) || !number(':', size)) return bad();
  if (size > whole.size() || value_of(name, size) != whole) return bad();
  return name;
}

}  // namespace partita::sim
