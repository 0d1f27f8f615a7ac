#pragma once
// What the generator writes down of every message: constant tables that checking, skipping and JSON
// walk, so that this code exists once and not once a message.
//
// Invariants:
//  1. Fields stand in the order of their bytes; a field with a tag stands where its JSON key goes.
//  2. A struct's min_sizes[v - first_version] is the least number of bytes that one takes in
//     version v.
//  3. Every table is constant data: nothing here is built when a program starts.

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace partita::wire {

enum class Type : uint8_t {
  boolean,
  int8,
  int16,
  int32,
  int64,
  uint16,
  uint32,
  float64,
  uuid,
  string,
  bytes,
  records,
  structure,
};

/// Both ends inclusive; empty where last < first.
struct VersionRange {
  int16_t first = 0;
  int16_t last = -1;

  constexpr bool has(int16_t version) const { return first <= version && version <= last; }
  constexpr bool empty() const { return last < first; }
};

class Reader;
class Writer;
struct StructDescriptor;

struct FieldDescriptor {
  std::string_view name;  ///< as in JSON
  Type type;
  bool array = false;
  bool never_flexible = false;
  bool default_null = false;
  int16_t tag = -1;  ///< -1: among the plain fields
  VersionRange versions;
  VersionRange nullable;
  int64_t default_value = 0;
  const StructDescriptor* structure = nullptr;
};

struct StructDescriptor {
  std::string_view name;
  std::span<const FieldDescriptor> fields;
  VersionRange flexible;
  int16_t first_version = 0;
  std::span<const uint16_t> min_sizes;

  size_t min_size(int16_t version) const {
    return min_sizes[static_cast<size_t>(version - first_version)];
  }
};

enum class MessageKind : uint8_t {
  request,
  response,
  header,
  metadata,
  coordinator_key,
  coordinator_value,
  data,
};

struct MessageDescriptor {
  std::string_view name;
  MessageKind kind;
  int16_t key;  ///< API key, or the record's type; -1 for headers and data
  VersionRange versions;
  VersionRange flexible;
  const StructDescriptor* root;
  /// Reads, materialises and writes again; for reencode().
  void (*recode)(Reader& reader, int16_t version, Writer& writer);
};

}  // namespace partita::wire
