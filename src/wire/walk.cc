#include "wire/walk.h"

#include "base/fault_points.h"
#include "wire/message.h"

namespace partita::wire {
namespace {

constexpr size_t kPrimitiveSizes[] = {1, 1, 2, 4, 8, 2, 4, 8, 16};

bool is_fixed(Type type) {
  return type <= Type::uuid;
}

size_t element_size_min(const FieldDescriptor& field, bool flexible, int16_t version) {
  if (is_fixed(field.type)) return kPrimitiveSizes[static_cast<size_t>(field.type)];
  if (field.type == Type::structure) return field.structure->min_size(version);
  if (flexible) return 1;
  return field.type == Type::string ? 2 : 4;
}

void walk_variable(Reader& reader, Type type, bool flexible, bool nullable) {
  const int32_t count = reader.length(flexible, type != Type::string);
  if (count < 0) {
    if (!nullable) reader.fail();
    return;
  }
  const auto size = static_cast<size_t>(count);
  if (type == Type::string && size > kStringBytesMax) return reader.fail();
  reader.take(size);
}

void walk_array(Reader& reader, const FieldDescriptor& field, bool flexible, int16_t version) {
  const int32_t count = reader.array_count(flexible);
  if (count < 0) {
    if (!field.nullable.has(version)) reader.fail();
    return;
  }
  const auto total = static_cast<size_t>(count);
  const size_t size_min = element_size_min(field, flexible, version);
  if (field.type == Type::structure) {
    return walk_structs(reader, *field.structure, total, version);
  }
  if (!elements_fit(reader, total, size_min)) return;
  if (is_fixed(field.type)) {
    reader.take(total * size_min);
  } else {
    for (size_t i = 0; i < total && reader.ok(); i++) {
      walk_variable(reader, field.type, flexible, false);
    }
  }
}

void walk_nested(Reader& reader, const FieldDescriptor& field, int16_t version) {
  if (field.nullable.has(version)) {
    const bool present = field.tag >= 0 ? reader.uvarint() != 0 : reader.present();
    if (!present) return;
  }
  walk_struct(reader, *field.structure, version);
}

const FieldDescriptor* find_tag(const StructDescriptor& structure, uint32_t tag, int16_t version) {
  for (const FieldDescriptor& field : structure.fields) {
    if (field.tag >= 0 && static_cast<uint32_t>(field.tag) == tag) {
      return field.versions.has(version) ? &field : nullptr;
    }
  }
  return nullptr;
}

void walk_tags(Reader& reader, const StructDescriptor& structure, int16_t version) {
  for (TagReader tags(reader); tags.next();) {
    const FieldDescriptor* field = find_tag(structure, tags.tag(), version);
    if (field == nullptr) {
      tags.skip();
    } else {
      walk_field(reader, structure, *field, version);
    }
  }
}

}  // namespace

void walk_field(Reader& reader, const StructDescriptor& owner, const FieldDescriptor& field,
                int16_t version) {
  const bool flexible = owner.flexible.has(version) && !field.never_flexible;
  if (field.array) return walk_array(reader, field, flexible, version);
  if (is_fixed(field.type)) {
    reader.take(kPrimitiveSizes[static_cast<size_t>(field.type)]);
  } else if (field.type == Type::structure) {
    walk_nested(reader, field, version);
  } else {
    walk_variable(reader, field.type, flexible, field.nullable.has(version));
  }
}

void walk_struct(Reader& reader, const StructDescriptor& structure, int16_t version) {
  for (const FieldDescriptor& field : structure.fields) {
    if (field.tag >= 0 || !field.versions.has(version)) continue;
    walk_field(reader, structure, field, version);
    if (!reader.ok()) return;
  }
  if (structure.flexible.has(version)) walk_tags(reader, structure, version);
}

bool elements_fit(Reader& reader, size_t count, size_t size_min) {
  // Refused before anything trusts the count. Structs without fields count as one byte, so that a
  // number alone cannot buy work.
  if (count <= reader.remaining() / (size_min == 0 ? 1 : size_min)) return true;
  COVERED("wire.array_count_beyond_frame");
  reader.fail();
  return false;
}

void walk_structs(Reader& reader, const StructDescriptor& structure, size_t count,
                  int16_t version) {
  if (!elements_fit(reader, count, structure.min_size(version))) return;
  for (size_t i = 0; i < count && reader.ok(); i++) walk_struct(reader, structure, version);
}

Result<size_t> check_message(const MessageDescriptor& message, ByteView body, int16_t version) {
  Reader reader(body);
  if (message.versions.has(version)) walk_struct(reader, *message.root, version);
  MessageView view;
  CHECKED(detail::finish_decode(reader, message, body, version, view));
  return view.body.size();
}

}  // namespace partita::wire
