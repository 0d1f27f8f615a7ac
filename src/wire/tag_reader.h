#pragma once
// Reads the tagged section at the end of a struct, entry by entry.
//
// Invariants (each broken one fails the reader):
//  1. Tags rise strictly.
//  2. What the caller reads of an entry is exactly the size that the entry announces.
//  3. At most kUnknownTagsMax entries of one struct are skipped.
//
// for (TagReader tags(reader); tags.next();) { if (tags.tag() == 0) ... else tags.skip(); }

#include "wire/reader.h"

namespace partita::wire {

inline constexpr uint32_t kUnknownTagsMax = 1000;

class TagReader {
 public:
  explicit TagReader(Reader& reader) : reader_(reader), left_(reader.uvarint()) {}

  /// Goes to the next entry; false at the end and after a failure.
  bool next();
  uint32_t tag() const { return static_cast<uint32_t>(tag_); }
  void skip();
  /// Passes over a tag that is known, which is not counted.
  void skip_known() { reader_.take(size_); }

 private:
  bool begin_entry();

  Reader& reader_;
  uint32_t left_;
  uint32_t skipped_ = 0;
  int64_t tag_ = -1;
  uint32_t size_ = 0;
  const uint8_t* value_end_ = nullptr;
};

/// Passes over a section whose tags are all unknown.
void skip_tags(Reader& reader);

}  // namespace partita::wire
