#include "cli/record_reader.h"

#include <fmt/format.h>
#include <strings.h>

namespace partita::cli {
namespace {

bool is_true(const std::string& text) {
  return strcasecmp(text.c_str(), "true") == 0;
}

Result<> check_different(const std::string& a, std::string_view name_a, const std::string& b,
                         std::string_view name_b) {
  if (a != b) return {};
  return fail(Errc::invalid_argument, fmt::format("{} and {} may not be equal", name_a, name_b));
}

Result<> check(const LineFormat& format) {
  CHECKED(check_different(format.headers_delimiter, "headers.delimiter", format.headers_separator,
                          "headers.separator"));
  CHECKED(check_different(format.headers_delimiter, "headers.delimiter",
                          format.headers_key_separator, "headers.key.separator"));
  CHECKED(check_different(format.headers_separator, "headers.separator",
                          format.headers_key_separator, "headers.key.separator"));
  if (!format.null_marker) return {};
  const std::string& marker = *format.null_marker;
  CHECKED(check_different(marker, "null.marker", format.key_separator, "key.separator"));
  CHECKED(check_different(marker, "null.marker", format.headers_separator, "headers.separator"));
  CHECKED(check_different(marker, "null.marker", format.headers_delimiter, "headers.delimiter"));
  return check_different(marker, "null.marker", format.headers_key_separator,
                         "headers.key.separator");
}

}  // namespace

Result<LineFormat> line_format(const std::vector<std::pair<std::string, std::string>>& properties) {
  LineFormat format;
  for (const auto& [name, value] : properties) {
    if (name == "parse.key") format.parse_key = is_true(value);
    if (name == "parse.headers") format.parse_headers = is_true(value);
    if (name == "ignore.error") format.ignore_error = is_true(value);
    if (name == "key.separator") format.key_separator = value;
    if (name == "headers.delimiter") format.headers_delimiter = value;
    if (name == "headers.separator") format.headers_separator = value;
    if (name == "headers.key.separator") format.headers_key_separator = value;
    if (name == "null.marker") format.null_marker = value;
  }
  CHECKED(check(format));
  return format;
}

Result<std::optional<std::string_view>> RecordReader::part(bool wanted, std::string_view line,
                                                           size_t start, std::string_view separator,
                                                           std::string_view what) {
  if (!wanted) return std::nullopt;
  const size_t at = line.find(separator, start);
  if (at != std::string_view::npos) return line.substr(start, at - start);
  if (format_.ignore_error) return std::nullopt;
  return fail(Errc::invalid_argument,
              fmt::format("No {} found on line number {}: '{}'", what, line_number_, line));
}

Result<client::ProducerRecord> RecordReader::read(std::string_view line) {
  line_number_++;
  size_t at = 0;
  TRY(const auto headers,
      part(format_.parse_headers, line, at, format_.headers_delimiter, "headers delimiter"));
  if (headers) at += headers->size() + format_.headers_delimiter.size();
  TRY(const auto key, part(format_.parse_key, line, at, format_.key_separator, "key separator"));
  if (key) at += key->size() + format_.key_separator.size();
  const std::string_view value = line.substr(at);
  client::ProducerRecord record{.topic = topic_};
  if (key && !is_null(*key)) record.key = std::string(*key);
  if (!is_null(value)) record.value = std::string(value);
  if (headers && !is_null(*headers)) CHECKED(read_headers(*headers, record));
  return record;
}

Result<> RecordReader::read_headers(std::string_view text, client::ProducerRecord& record) {
  while (true) {
    const size_t end = text.find(format_.headers_separator);
    const std::string_view pair = text.substr(0, end);
    const size_t at = pair.find(format_.headers_key_separator);
    if (at == std::string_view::npos && !format_.ignore_error) {
      return fail(Errc::invalid_argument,
                  fmt::format("No header key separator found in pair '{}' on line number {}", pair,
                              line_number_));
    }
    const std::string_view key = pair.substr(0, at);
    if (is_null(key)) {
      return fail(Errc::invalid_argument,
                  fmt::format("Header keys should not be equal to the null marker '{}' as they "
                              "can't be null",
                              *format_.null_marker));
    }
    std::optional<std::string> value;
    if (at != std::string_view::npos) {
      const std::string_view rest = pair.substr(at + format_.headers_key_separator.size());
      if (!is_null(rest)) value = std::string(rest);
    }
    record.headers.emplace_back(std::string(key), std::move(value));
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + format_.headers_separator.size());
  }
}

std::optional<std::string> LineSplitter::next(bool at_end) {
  const size_t end = waiting_.find('\n', start_);
  std::string line;
  if (end != std::string::npos) {
    line = waiting_.substr(start_, end - start_);
    start_ = end + 1;
  } else {
    waiting_.erase(0, start_);
    start_ = 0;
    if (!at_end || waiting_.empty()) return std::nullopt;
    line = std::exchange(waiting_, std::string());
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace partita::cli
