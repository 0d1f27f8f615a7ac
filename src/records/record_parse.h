#pragma once
// The one reader of a record's bytes, inline for the check of produced batches, where a record
// costs some nanoseconds. Errors are static words and not Errors: nobody pays for a message that is
// not made.
//
// Invariant: nothing at or behind `end` is read; a cursor never passes it.

#include <bit>
#include <cstring>

#include "base/bytes.h"
#include "base/varint.h"
#include "records/record.h"

namespace partita::records::detail {

/// Decodes a varint of up to three bytes from `word`, which begins with it; false for a longer one.
[[gnu::always_inline]] inline bool take_short_varint(uint32_t word, const uint8_t*& at,
                                                     uint32_t& raw) {
  if ((word & 0x80) == 0) [[likely]] {
    raw = word & 0x7f;
    at += 1;
    return true;
  }
  if ((word & 0x8000) == 0) {
    raw = (word & 0x7f) | (word >> 1 & 0x3f80);
    at += 2;
    return true;
  }
  raw = (word & 0x7f) | (word >> 1 & 0x3f80) | (word >> 2 & 0x1fc000);
  at += 3;
  return (word & 0x800000) == 0;
}

[[gnu::always_inline]] inline uint32_t load_little(const uint8_t* from) {
  uint32_t word;
  std::memcpy(&word, from, sizeof(word));
  return std::endian::native == std::endian::little ? word : __builtin_bswap32(word);
}

/// Reads a zigzag varint, moving `at`; false where it is illegal or cut.
inline bool take_varint(const uint8_t*& at, const uint8_t* end, int32_t& value) {
  uint32_t raw = 0;
  const uint8_t* p = at;
  if (end - at >= 4 && take_short_varint(load_little(at), p, raw)) [[likely]] {
    value = unzigzag(raw);
    at = p;
    return true;
  }
  const size_t taken = get_uvarint(at, end, raw);
  value = unzigzag(raw);
  at += taken;
  return taken != 0;
}

inline bool take_varlong(const uint8_t*& at, const uint8_t* end, int64_t& value) {
  uint32_t short_raw = 0;
  const uint8_t* p = at;
  if (end - at >= 4 && take_short_varint(load_little(at), p, short_raw)) [[likely]] {
    value = unzigzag(uint64_t{short_raw});
    at = p;
    return true;
  }
  uint64_t raw = 0;
  const size_t taken = get_uvarint(at, end, raw);
  value = unzigzag(raw);
  at += taken;
  return taken != 0;
}

/// Steps over `length` bytes; false where they are not there.
inline bool take_bytes(const uint8_t*& at, const uint8_t* end, int32_t length) {
  if (length > end - at) return false;
  at += length;
  return true;
}

/// Reads a length and that many bytes; a negative length is null.
inline bool take_nullable(const uint8_t*& at, const uint8_t* end, std::optional<ByteView>& value) {
  int32_t length = 0;
  if (!take_varint(at, end, length)) return false;
  if (length < 0) {
    value.reset();
    return true;
  }
  const uint8_t* const start = at;
  if (!take_bytes(at, end, length)) return false;
  value = ByteView(start, static_cast<size_t>(length));
  return true;
}

/// Steps over `count` headers; answers what is wrong with them, or null.
const char* skip_headers(const uint8_t*& at, const uint8_t* end, int32_t count);

/// Reads the record at `at` and moves there behind it; answers what is wrong, or null.
inline const char* take_record(const uint8_t*& at, const uint8_t* end, Record& record) {
  const uint8_t* const start = at;
  int32_t length = 0;
  if (!take_varint(at, end, length)) return "the record length is cut or too long";
  if (length < 0) return "the record length is negative";
  if (length > end - at) return "the record runs past the batch";
  const uint8_t* const record_end = at + length;
  if (at == record_end) return "the record is empty";
  record.attributes = static_cast<int8_t>(*at++);
  int32_t header_count = 0;
  if (!take_varlong(at, record_end, record.timestamp_delta)) return "the timestamp delta is cut";
  if (!take_varint(at, record_end, record.offset_delta)) return "the offset delta is cut";
  if (!take_nullable(at, record_end, record.key)) return "the key runs past the record";
  if (!take_nullable(at, record_end, record.value)) return "the value runs past the record";
  if (!take_varint(at, record_end, header_count)) return "the header count is cut";
  const uint8_t* const headers = at;
  if (header_count != 0) [[unlikely]] {
    if (const char* wrong = skip_headers(at, record_end, header_count)) return wrong;
  }
  if (at != record_end) return "bytes follow the record's last header";
  record.headers = RecordHeaders({headers, at}, header_count);
  record.bytes = {start, record_end};
  return nullptr;
}

/// What the check of produced batches needs of a record.
struct RecordSummary {
  int64_t timestamp_delta;
  int32_t offset_delta;
  bool has_key;
};

/// take_record for the ordinary record, with little branching: no headers, no length beyond 1 MiB,
/// not at the very end of the bytes. False where it is any other one or wrong; `at` stays then, and
/// take_record tells which.
[[gnu::always_inline]] inline bool take_plain_record(const uint8_t*& at, const uint8_t* end,
                                                     RecordSummary& summary) {
  // Length, attributes, both deltas and the key's length take at most 13 bytes, read in words of
  // four.
  constexpr ptrdiff_t kFrontBytesMax = 16;
  if (end - at < kFrontBytesMax) return false;
  const uint8_t* p = at;
  uint32_t length, timestamp, offset, key, value;
  if (!take_short_varint(load_little(p), p, length)) return false;
  if ((length & 1) != 0 || static_cast<ptrdiff_t>(length >> 1) > end - p) return false;
  const uint8_t* const record_end = p + (length >> 1);
  p += 1;  // attributes
  if (!take_short_varint(load_little(p), p, timestamp)) return false;
  if (!take_short_varint(load_little(p), p, offset)) return false;
  if (!take_short_varint(load_little(p), p, key)) return false;
  // An odd zigzag is a negative length: null, without bytes.
  const ptrdiff_t key_bytes = (key & 1) != 0 ? 0 : static_cast<ptrdiff_t>(key >> 1);
  if (record_end - p < key_bytes || end - p - key_bytes < 4) return false;
  p += key_bytes;
  if (!take_short_varint(load_little(p), p, value)) return false;
  const ptrdiff_t value_bytes = (value & 1) != 0 ? 0 : static_cast<ptrdiff_t>(value >> 1);
  if (record_end - p != value_bytes + 1 || record_end[-1] != 0) return false;
  at = record_end;
  summary = {unzigzag(timestamp), unzigzag(offset), (key & 1) == 0};
  return true;
}

}  // namespace partita::records::detail
