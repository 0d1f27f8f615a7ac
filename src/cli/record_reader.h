#pragma once
// Lines into records, under the property names and with the complaints of Kafka's
// LineMessageReader.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "client/producer.h"

namespace partita::cli {

struct LineFormat {
  bool parse_key = false;
  bool parse_headers = false;
  bool ignore_error = false;
  std::string key_separator = "\t";
  std::string headers_delimiter = "\t";
  std::string headers_separator = ",";
  std::string headers_key_separator = ":";
  std::optional<std::string> null_marker = {};
};

/// Properties by name; those that it does not know are ignored, as there.
Result<LineFormat> line_format(const std::vector<std::pair<std::string, std::string>>& properties);

class RecordReader {
 public:
  explicit RecordReader(LineFormat format, std::string topic)
      : format_(std::move(format)), topic_(std::move(topic)) {}

  /// `line` is without its end. Errors name the line's number.
  Result<client::ProducerRecord> read(std::string_view line);

 private:
  Result<std::optional<std::string_view>> part(bool wanted, std::string_view line, size_t start,
                                               std::string_view separator, std::string_view what);
  Result<> read_headers(std::string_view text, client::ProducerRecord& record);
  bool is_null(std::string_view text) const { return format_.null_marker == text; }

  const LineFormat format_;
  const std::string topic_;
  uint64_t line_number_ = 0;
};

/// Bytes that come in pieces, cut into lines at \n; a \r before it goes too.
class LineSplitter {
 public:
  void add(std::string_view bytes) { waiting_.append(bytes); }
  /// The next whole line; at the end of input also what is left, if anything.
  std::optional<std::string> next(bool at_end);

 private:
  std::string waiting_;
  size_t start_ = 0;
};

}  // namespace partita::cli
