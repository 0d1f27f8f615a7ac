#include "wire/json.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/base64.h"
#include "base/check.h"
#include "wire/walk.h"

namespace partita::wire {
namespace {

// The generator refuses structs of more fields.
constexpr size_t kFieldsMax = 64;

/// The length of the UTF-8 sequence at the front of `text`; 0 where it is none.
size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto follows = [&](size_t i, uint8_t low, uint8_t high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1, 0x80, 0xbf) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const uint8_t low = first == 0xe0 ? 0xa0 : 0x80;
    const uint8_t high = first == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const uint8_t low = first == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = first == 0xf4 ? 0x8f : 0xbf;
    const bool whole = follows(1, low, high) && follows(2, 0x80, 0xbf) && follows(3, 0x80, 0xbf);
    return whole ? 4 : 0;
  }
  return 0;
}

void append_ascii(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  if (static_cast<uint8_t>(c) < 0x20) {
    fmt::format_to(std::back_inserter(out), "\\u{:04X}", static_cast<unsigned>(c));
  } else {
    out += c;
  }
}

void append_number(std::string& out, int64_t value) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

void append_float(std::string& out, double value) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(out), "{}", value);
  } else {
    out += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  }
}

class JsonWalk {
 public:
  JsonWalk(std::string& out, int16_t version) : out_(out), version_(version) {}

  void structure(Reader& reader, const StructDescriptor& type) {
    const Values values = locate(reader, type);
    out_ += '{';
    bool first = true;
    for (size_t i = 0; i < type.fields.size(); i++) {
      const FieldDescriptor& field = type.fields[i];
      if (values[i] == nullptr) continue;
      if (field.tag >= 0 && tagged_default(Reader(values[i], reader.end()), type, field)) continue;
      if (!std::exchange(first, false)) out_ += ',';
      append_json_string(out_, field.name);
      out_ += ':';
      Reader at(values[i], reader.end());
      value(at, type, field);
    }
    out_ += '}';
  }

 private:
  /// Where each field's value begins; null for one that is not on the wire.
  using Values = std::array<const uint8_t*, kFieldsMax>;

  Values locate(Reader& reader, const StructDescriptor& type) const {
    Values values = {};
    CHECK(type.fields.size() <= kFieldsMax);
    for (size_t i = 0; i < type.fields.size(); i++) {
      const FieldDescriptor& field = type.fields[i];
      if (field.tag >= 0 || !field.versions.has(version_)) continue;
      values[i] = reader.position();
      walk_field(reader, type, field, version_);
    }
    if (!type.flexible.has(version_)) return values;
    for (TagReader tags(reader); tags.next(); tags.skip_known()) {
      for (size_t i = 0; i < type.fields.size(); i++) {
        const FieldDescriptor& field = type.fields[i];
        if (field.tag == static_cast<int64_t>(tags.tag()) && field.versions.has(version_)) {
          values[i] = reader.position();
        }
      }
    }
    return values;
  }

  /// Whether the value at `reader` is what the field has where it is absent.
  bool tagged_default(Reader reader, const StructDescriptor& owner,
                      const FieldDescriptor& field) const {
    const bool flexible = owner.flexible.has(version_) && !field.never_flexible;
    if (field.array) return reader.array_count(flexible) == (field.default_null ? -1 : 0);
    switch (field.type) {
      case Type::string:
      case Type::bytes:
      case Type::records:
        return reader.length(flexible, field.type != Type::string) == (field.default_null ? -1 : 0);
      case Type::structure: return nested_default(reader, field);
      case Type::uuid: return reader.uuid().is_zero();
      case Type::float64: return reader.float64() == 0;
      default: return integer(reader, field.type) == field.default_value;
    }
  }

  bool nested_default(Reader reader, const FieldDescriptor& field) const {
    if (field.nullable.has(version_) && !nested_present(reader, field)) return field.default_null;
    if (field.default_null) return false;
    const StructDescriptor& type = *field.structure;
    const Values values = locate(reader, type);
    for (size_t i = 0; i < type.fields.size(); i++) {
      if (values[i] == nullptr) continue;
      if (!tagged_default(Reader(values[i], reader.end()), type, type.fields[i])) return false;
    }
    return true;
  }

  static bool nested_present(Reader& reader, const FieldDescriptor& field) {
    return field.tag >= 0 ? reader.uvarint() != 0 : reader.present();
  }

  static int64_t integer(Reader& reader, Type type) {
    switch (type) {
      case Type::boolean: return reader.boolean() ? 1 : 0;
      case Type::int8: return reader.int8();
      case Type::int16: return reader.int16();
      case Type::int32: return reader.int32();
      case Type::int64: return reader.int64();
      case Type::uint16: return reader.uint16();
      case Type::uint32: return reader.uint32();
      default: break;
    }
    CHECK(false);
  }

  void value(Reader& reader, const StructDescriptor& owner, const FieldDescriptor& field) {
    const bool flexible = owner.flexible.has(version_) && !field.never_flexible;
    if (field.array) return array(reader, field, flexible);
    if (field.type == Type::structure && field.nullable.has(version_) &&
        !nested_present(reader, field)) {
      out_ += "null";
      return;
    }
    element(reader, field, flexible);
  }

  void array(Reader& reader, const FieldDescriptor& field, bool flexible) {
    const int32_t count = reader.array_count(flexible);
    if (count < 0) {
      out_ += "null";
      return;
    }
    out_ += '[';
    for (int32_t i = 0; i < count; i++) {
      if (i > 0) out_ += ',';
      element(reader, field, flexible);
    }
    out_ += ']';
  }

  void element(Reader& reader, const FieldDescriptor& field, bool flexible) {
    switch (field.type) {
      case Type::structure: return structure(reader, *field.structure);
      case Type::string: {
        const auto text = reader.nullable_string(flexible);
        return text ? append_json_string(out_, *text) : void(out_ += "null");
      }
      case Type::bytes: {
        const auto bytes = reader.nullable_bytes(flexible);
        if (!bytes) return void(out_ += "null");
        return append_json_string(out_, base64_encode(*bytes, Base64::padded));
      }
      case Type::records: return void(out_ += reader.nullable_bytes(flexible) ? "\"\"" : "null");
      case Type::uuid: return append_json_string(out_, reader.uuid().to_string());
      case Type::float64: return append_float(out_, reader.float64());
      case Type::boolean: return void(out_ += reader.boolean() ? "true" : "false");
      default: return append_number(out_, integer(reader, field.type));
    }
  }

  std::string& out_;
  int16_t version_;
};

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const size_t count = utf8_sequence(text);
    if (count == 1) {
      append_ascii(out, text.front());
    } else if (count == 0) {
      out += "\xef\xbf\xbd";
    } else {
      out += text.substr(0, count);
    }
    text.remove_prefix(count == 0 ? 1 : count);
  }
  out += '"';
}

std::string to_json(const StructDescriptor& structure, ByteView body, int16_t version) {
  std::string out;
  Reader reader(body);
  JsonWalk(out, version).structure(reader, structure);
  return out;
}

Result<std::string> decode_to_json(const MessageDescriptor& message, ByteView body,
                                   int16_t version) {
  CHECKED(check_message(message, body, version));
  return to_json(*message.root, body, version);
}

}  // namespace partita::wire
