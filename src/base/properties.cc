#include "base/properties.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace partita {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\f';
}
bool is_line_end(char c) {
  return c == '\n' || c == '\r';
}

constexpr char32_t kReplacement = 0xfffd;

void put_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  }
}

/// The next character of UTF-8 text, which is taken off it. REQUIRED: not empty.
char32_t take_utf8(std::string_view& text) {
  const auto lead = static_cast<uint8_t>(text.front());
  const size_t size = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 0;
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  char32_t c = size == 1 ? lead : lead & (0x7f >> size);
  bool good = size > 0 && text.size() >= size && lead < 0xf8;
  for (size_t i = 1; good && i < size; i++) {
    const auto byte = static_cast<uint8_t>(text[i]);
    good = (byte & 0xc0) == 0x80;
    c = (c << 6) | (byte & 0x3f);
  }
  good = good && c >= kLeast[size] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
  text.remove_prefix(good ? size : 1);
  return good ? c : kReplacement;
}

/// Collects UTF-16 units, as escapes and Latin-1 bytes give them, into UTF-8.
class Units {
 public:
  void put(char32_t unit) {
    if (high_ != 0 && unit >= 0xdc00 && unit <= 0xdfff) {
      put_utf8(text_, 0x10000 + ((high_ - 0xd800) << 10) + (unit - 0xdc00));
      high_ = 0;
      return;
    }
    flush();
    if (unit >= 0xd800 && unit <= 0xdbff) {
      high_ = unit;
    } else {
      put_utf8(text_, unit >= 0xdc00 && unit <= 0xdfff ? kReplacement : unit);
    }
  }
  std::string take() {
    flush();
    return std::move(text_);
  }

 private:
  void flush() {
    if (high_ != 0) put_utf8(text_, kReplacement);
    high_ = 0;
  }

  std::string text_;
  char32_t high_ = 0;  // half a pair that waits for the other
};

/// Takes logical lines off a file: without comments, blank lines, leading blanks and continuations;
/// escapes are still in them.
class LineReader {
 public:
  explicit LineReader(std::string_view file) : rest_(file) {}

  std::optional<std::string> next() {
    std::string line;
    while (!rest_.empty()) {
      skip_blanks();
      if (line.empty() && !rest_.empty() && (rest_.front() == '#' || rest_.front() == '!')) {
        take_natural_line();
        continue;
      }
      const std::string_view part = take_natural_line();
      line += part;
      if (ends_with_continuation(part)) {
        line.pop_back();
        continue;
      }
      if (!line.empty()) return line;
    }
    if (line.empty()) return std::nullopt;
    return line;
  }
  /// Of the natural line that next() ended with.
  size_t line_number() const { return line_number_; }

 private:
  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }
  std::string_view take_natural_line() {
    size_t size = 0;
    while (size < rest_.size() && !is_line_end(rest_[size])) size++;
    const std::string_view line = rest_.substr(0, size);
    rest_.remove_prefix(size);
    if (rest_.starts_with("\r\n")) rest_.remove_prefix(1);
    if (!rest_.empty()) rest_.remove_prefix(1);
    line_number_++;
    return line;
  }
  static bool ends_with_continuation(std::string_view line) {
    size_t count = 0;
    while (count < line.size() && line[line.size() - 1 - count] == '\\') count++;
    return count % 2 == 1;
  }

  std::string_view rest_;
  size_t line_number_ = 0;
};

/// Where the name ends: at the first separator that is not escaped.
size_t name_end(std::string_view line) {
  size_t at = 0;
  while (at < line.size()) {
    const char c = line[at];
    if (c == '=' || c == ':' || is_blank(c)) return at;
    at += c == '\\' ? 2 : 1;
  }
  return line.size();
}

/// Where the value begins: behind blanks and one = or : among them.
size_t value_begin(std::string_view line, size_t at) {
  bool separated = false;
  for (; at < line.size(); at++) {
    const char c = line[at];
    if (!is_blank(c) && (separated || (c != '=' && c != ':'))) break;
    separated = separated || c == '=' || c == ':';
  }
  return at;
}

/// Four hexadecimal digits.
std::optional<char32_t> hex_unit(std::string_view digits) {
  if (digits.size() < 4) return std::nullopt;
  char32_t unit = 0;
  for (const char c : digits.substr(0, 4)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    unit = unit * 16 + static_cast<char32_t>(digit);
  }
  return unit;
}

char unescaped(char c) {
  switch (c) {
    case 't': return '\t';
    case 'n': return '\n';
    case 'r': return '\r';
    case 'f': return '\f';
    default: return c;
  }
}

std::optional<std::string> unescape(std::string_view text) {
  Units out;
  for (size_t at = 0; at < text.size(); at++) {
    if (text[at] != '\\') {
      out.put(static_cast<uint8_t>(text[at]));
      continue;
    }
    if (++at == text.size()) break;
    if (text[at] == 'u') {
      const std::optional<char32_t> unit = hex_unit(text.substr(at + 1));
      if (!unit) return std::nullopt;
      out.put(*unit);
      at += 4;
    } else {
      out.put(static_cast<uint8_t>(unescaped(text[at])));
    }
  }
  return out.take();
}

void put_unit(std::string& out, char32_t unit) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[(unit >> shift) & 0xf];
}

void put_escaped(std::string& out, char32_t c) {
  switch (c) {
    case '\t': out += "\\t"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\f': out += "\\f"; return;
    case '\\':
    case '=':
    case ':':
    case '#':
    case '!': out += '\\'; break;
    default: break;
  }
  if (c >= 0x20 && c < 0x7f) {
    out += static_cast<char>(c);
  } else if (c < 0x10000) {
    put_unit(out, c);
  } else {
    put_unit(out, 0xd800 + ((c - 0x10000) >> 10));
    put_unit(out, 0xdc00 + ((c - 0x10000) & 0x3ff));
  }
}

enum class Part { name, value };

void put_part(std::string& out, std::string_view text, Part part) {
  bool first = true;
  while (!text.empty()) {
    const char32_t c = take_utf8(text);
    if (c == ' ' && (first || part == Part::name)) out += '\\';
    put_escaped(out, c);
    first = false;
  }
}

}  // namespace

Result<Properties> Properties::parse(ByteView file) {
  Properties out;
  std::map<std::string, size_t, std::less<>> places;
  LineReader lines(as_text(file));
  while (const std::optional<std::string> line = lines.next()) {
    const size_t end = std::min(name_end(*line), line->size());
    const std::string_view text = *line;
    std::optional<std::string> name = unescape(text.substr(0, end));
    std::optional<std::string> value = unescape(text.substr(value_begin(text, end)));
    if (!name || !value) {
      return fail(Errc::invalid_argument, "line " + std::to_string(lines.line_number()) +
                                              ": \\u without four hexadecimal digits");
    }
    const auto [at, is_new] = places.try_emplace(*name, out.entries_.size());
    if (is_new) {
      out.entries_.emplace_back(*std::move(name), *std::move(value));
    } else {
      out.entries_[at->second].second = *std::move(value);
    }
  }
  return out;
}

const std::string* Properties::find(std::string_view name) const {
  for (const auto& [entry_name, value] : entries_) {
    if (entry_name == name) return &value;
  }
  return nullptr;
}

void Properties::set(std::string_view name, std::string_view value) {
  for (auto& [entry_name, entry_value] : entries_) {
    if (entry_name == name) {
      entry_value = value;
      return;
    }
  }
  entries_.emplace_back(name, value);
}

std::string Properties::write() const {
  std::string out;
  for (const auto& [name, value] : entries_) {
    put_part(out, name, Part::name);
    out += '=';
    put_part(out, value, Part::value);
    out += '\n';
  }
  return out;
}

}  // namespace partita
