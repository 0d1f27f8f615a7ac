#include "cli/record_writer.h"

#include <fmt/format.h>
#include <strings.h>

#include <bit>

#include "base/uuid.h"

namespace partita::cli {
namespace {

struct DecodingRow {
  std::string_view name;
  Decoding decoding;
  size_t size;  // 0: any
};

constexpr DecodingRow kDecodings[] = {
    {"String", Decoding::string, 0},  {"ByteArray", Decoding::string, 0},
    {"Short", Decoding::int16, 2},    {"Integer", Decoding::int32, 4},
    {"Long", Decoding::int64, 8},     {"Float", Decoding::float32, 4},
    {"Double", Decoding::float64, 8}, {"UUID", Decoding::uuid, 0},
};

Result<Decoding> decoding_of(std::string_view class_name) {
  std::string_view name = class_name;
  constexpr std::string_view kPackage = "org.apache.kafka.common.serialization.";
  constexpr std::string_view kEnd = "Deserializer";
  if (name.starts_with(kPackage) && name.ends_with(kEnd)) {
    name.remove_prefix(kPackage.size());
    name.remove_suffix(kEnd.size());
    for (const DecodingRow& row : kDecodings) {
      if (row.name == name) return row.decoding;
    }
  }
  return fail(Errc::invalid_argument, std::string(class_name));
}

bool is_true(const std::string& text) {
  return strcasecmp(text.c_str(), "true") == 0;
}

/// Java's Double.toString and Float.toString: the shortest digits, with at least one behind the
/// point, and an exponent outside of 10^-3 to 10^7.
template <class T>
std::string java_number(T number) {
  if (number != number) return "NaN";
  const T size = number < 0 ? -number : number;
  if (size == std::numeric_limits<T>::infinity()) return number < 0 ? "-Infinity" : "Infinity";
  if (size != 0 && (size < T(1e-3) || size >= T(1e7))) {
    std::string text = fmt::format("{:e}", number);
    // {:e} writes six digits: the shortest form comes from {} with its exponent moved.
    std::string digits = fmt::format("{}", number);
    const size_t e = digits.find('e');
    if (e == std::string::npos) {
      const bool negative = digits.starts_with('-');
      std::string plain = negative ? digits.substr(1) : digits;
      const size_t point = plain.find('.');
      int exponent = static_cast<int>(point == std::string::npos ? plain.size() : point) - 1;
      if (point != std::string::npos) plain.erase(point, 1);
      const size_t first = plain.find_first_not_of('0');
      exponent -= static_cast<int>(first);
      plain.erase(0, first);
      while (plain.size() > 1 && plain.ends_with('0')) plain.pop_back();
      return fmt::format("{}{}.{}E{}", negative ? "-" : "", plain.substr(0, 1),
                         plain.size() > 1 ? plain.substr(1) : "0", exponent);
    }
    std::string mantissa = digits.substr(0, e);
    if (mantissa.find('.') == std::string::npos) mantissa += ".0";
    return fmt::format("{}E{}", mantissa, std::stoi(digits.substr(e + 1)));
  }
  std::string text = fmt::format("{}", number);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

Result<std::string> decoded(ByteView bytes, Decoding decoding) {
  for (const DecodingRow& row : kDecodings) {
    if (row.decoding != decoding || row.size == 0 || row.size == bytes.size()) continue;
    return fail(Errc::malformed, fmt::format("Size of data received by {}Deserializer is not {}",
                                             row.name, row.size));
  }
  const uint8_t* at = bytes.data();
  switch (decoding) {
    case Decoding::int16: return std::to_string(load_be<int16_t>(at));
    case Decoding::int32: return std::to_string(load_be<int32_t>(at));
    case Decoding::int64: return std::to_string(load_be<int64_t>(at));
    case Decoding::float32: return java_number(std::bit_cast<float>(load_be<uint32_t>(at)));
    case Decoding::float64: return java_number(std::bit_cast<double>(load_be<uint64_t>(at)));
    case Decoding::uuid:
    case Decoding::string: return std::string(as_text(bytes));
  }
  return std::string(as_text(bytes));
}

class Line {
 public:
  Line(std::string& out, const RecordFormat& format) : out_(out), format_(format) {}
  void field(std::string_view text) {
    if (!first_) out_ += format_.key_separator;
    first_ = false;
    out_ += text;
  }
  Result<> field(const std::optional<ByteView>& bytes, Decoding decoding) {
    TRY(const std::string text, text_of(bytes, decoding));
    field(text);
    return {};
  }
  Result<std::string> text_of(const std::optional<ByteView>& bytes, Decoding decoding) const {
    if (!bytes) return format_.null_literal;
    return decoded(*bytes, decoding);
  }
  void end() {
    if (!first_) out_ += format_.line_separator;
  }

 private:
  std::string& out_;
  const RecordFormat& format_;
  bool first_ = true;
};

std::string timestamp_text(const client::ConsumedRecord& record) {
  if (record.timestamp == kNoTimestamp) return "NO_TIMESTAMP";
  const bool appended = record.timestamp_type == records::TimestampType::log_append_time;
  return fmt::format("{}:{}", appended ? "LogAppendTime" : "CreateTime", record.timestamp.ms());
}

Result<std::string> headers_text(const client::ConsumedRecord& record, const RecordFormat& format,
                                 const Line& line) {
  if (record.headers.empty()) return std::string("NO_HEADERS");
  std::string text;
  for (const records::RecordHeader& header : record.headers) {
    if (!text.empty()) text += format.headers_separator;
    TRY(const std::string value, line.text_of(header.value, format.header));
    text += fmt::format("{}:{}", header.key, value);
  }
  return text;
}

}  // namespace

Result<RecordFormat> record_format(
    const std::vector<std::pair<std::string, std::string>>& properties) {
  RecordFormat format;
  const std::pair<std::string_view, bool*> switches[] = {
      {"print.timestamp", &format.print_timestamp}, {"print.key", &format.print_key},
      {"print.offset", &format.print_offset},       {"print.partition", &format.print_partition},
      {"print.delivery", &format.print_delivery},   {"print.epoch", &format.print_epoch},
      {"print.headers", &format.print_headers},     {"print.value", &format.print_value},
  };
  const std::pair<std::string_view, std::string*> texts[] = {
      {"key.separator", &format.key_separator},
      {"line.separator", &format.line_separator},
      {"headers.separator", &format.headers_separator},
      {"null.literal", &format.null_literal},
  };
  const std::pair<std::string_view, Decoding*> decodings[] = {
      {"key.deserializer", &format.key},
      {"value.deserializer", &format.value},
      {"headers.deserializer", &format.header},
  };
  for (const auto& [name, value] : properties) {
    for (const auto& [known, to] : switches) {
      if (known == name) *to = is_true(value);
    }
    for (const auto& [known, to] : texts) {
      if (known == name) *to = value;
    }
    for (const auto& [known, to] : decodings) {
      if (known != name || value.empty()) continue;
      TRY(*to, decoding_of(value));
    }
  }
  return format;
}

Result<> append_record(std::string& out, const client::ConsumedRecord& record,
                       const RecordFormat& format) {
  Line line(out, format);
  if (format.print_timestamp) line.field(timestamp_text(record));
  if (format.print_partition) line.field(fmt::format("Partition:{}", record.partition.value()));
  if (format.print_offset) line.field(fmt::format("Offset:{}", record.offset.value()));
  // Delivery counts and epochs belong to share groups and to polls that know them.
  if (format.print_delivery) line.field("Delivery:NOT_PRESENT");
  if (format.print_epoch) line.field("Epoch:NOT_PRESENT");
  if (format.print_headers) {
    TRY(const std::string headers, headers_text(record, format, line));
    line.field(headers);
  }
  if (format.print_key) CHECKED(line.field(record.key, format.key));
  if (format.print_value) CHECKED(line.field(record.value, format.value));
  line.end();
  return {};
}

}  // namespace partita::cli
