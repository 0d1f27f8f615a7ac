#include "wire/tag_reader.h"

#include "base/fault_points.h"

namespace partita::wire {

bool TagReader::next() {
  if (value_end_ != nullptr && reader_.position() != value_end_ &&
      !mutant("wire.accept_tag_size")) {
    reader_.fail();
  }
  if (left_ == 0 || !reader_.ok()) return false;
  left_--;
  return begin_entry();
}

bool TagReader::begin_entry() {
  const uint32_t tag = reader_.uvarint();
  size_ = reader_.uvarint();
  const bool rises = static_cast<int64_t>(tag) > tag_ || mutant("wire.accept_tag_order");
  if (!rises || size_ > reader_.remaining()) reader_.fail();
  tag_ = tag;
  value_end_ = reader_.ok() ? reader_.position() + size_ : nullptr;
  return reader_.ok();
}

void TagReader::skip() {
  if (++skipped_ > kUnknownTagsMax) {
    COVERED("wire.unknown_tags_beyond_bound");
    if (!mutant("wire.unknown_tags_unbounded")) reader_.fail();
  }
  reader_.take(size_);
}

void skip_tags(Reader& reader) {
  for (TagReader tags(reader); tags.next();) tags.skip();
}

}  // namespace partita::wire
