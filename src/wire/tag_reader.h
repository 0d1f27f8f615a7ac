#pragma once
// Reads the tagged section at the end of a struct, entry by entry.
//
// Invariants (each broken one fails the reader):
//  1. Tags rise strictly.
//  2. What the caller reads of an entry is exactly the size that the entry announces.
//  3. At most kUnknownTagsMax entries of one struct are skipped.
//
// for (TagReader tags(reader); tags.next();) { if (tags.tag() == 0) ... else tags.skip(); }

#include "base/fault_points.h"
#include "wire/reader.h"

namespace partita::wire {

inline constexpr uint32_t kUnknownTagsMax = 1000;

class TagReader {
 public:
  explicit TagReader(Reader& reader) : reader_(reader), left_(reader.uvarint()) {}

  /// Goes to the next entry; false at the end and after a failure.
  bool next() {
    if (value_end_ != nullptr && reader_.position() != value_end_ &&
        !mutant("wire.accept_tag_size")) {
      reader_.fail();
    }
    if (left_ == 0 || !reader_.ok()) return false;
    left_--;
    return begin_entry();
  }
  uint32_t tag() const { return static_cast<uint32_t>(tag_); }
  void skip() {
    if (++skipped_ > kUnknownTagsMax && !mutant("wire.unknown_tags_unbounded")) reader_.fail();
    reader_.take(size_);
  }
  /// Passes over a tag that is known, which is not counted.
  void skip_known() { reader_.take(size_); }

 private:
  bool begin_entry() {
    const uint32_t tag = reader_.uvarint();
    size_ = reader_.uvarint();
    const bool rises = static_cast<int64_t>(tag) > tag_ || mutant("wire.accept_tag_order");
    if (!rises || size_ > reader_.remaining()) reader_.fail();
    tag_ = tag;
    value_end_ = reader_.ok() ? reader_.position() + size_ : nullptr;
    return reader_.ok();
  }

  Reader& reader_;
  uint32_t left_;
  uint32_t skipped_ = 0;
  int64_t tag_ = -1;
  uint32_t size_ = 0;
  const uint8_t* value_end_ = nullptr;
};

}  // namespace partita::wire
