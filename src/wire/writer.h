#pragma once
// Writes Kafka's primitive types into one growing buffer. Large Bytes (record payloads) are not
// copied: they are spliced between the buffer's parts, and finish() gives the whole as a chain for
// a gather write.
//
// Invariants:
//  1. The first thing that cannot be written (a string too long, a field that the version lacks) is
//     kept as error(); what follows is still written but finish() answers the error.
//  2. Payload below kSpliceBytesMin is copied: a slice of its own would cost more than the bytes.
//  3. Positions count the buffer's own bytes, without spliced ones; size() counts all.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/uuid.h"

namespace partita::wire {

inline constexpr size_t kSpliceBytesMin = 512;

class Writer {
 public:
  explicit Writer(size_t capacity = 256);

  void boolean(bool value) { fixed<uint8_t>(value ? 1 : 0); }
  void int8(int8_t value) { fixed(value); }
  void int16(int16_t value) { fixed(value); }
  void int32(int32_t value) { fixed(value); }
  void int64(int64_t value) { fixed(value); }
  void uint16(uint16_t value) { fixed(value); }
  void uint32(uint32_t value) { fixed(value); }
  void float64(double value);
  void uuid(const Uuid& value) { raw(value.bytes()); }
  void uvarint(uint32_t value);
  void raw(ByteView bytes);
  /// By reference where it is large.
  void splice(const Bytes& bytes);

  void string(std::string_view value, bool flexible);
  void nullable_string(const std::optional<std::string>& value, bool flexible);
  void bytes(const Bytes& value, bool flexible);
  void nullable_bytes(const std::optional<Bytes>& value, bool flexible);
  void records(const ByteChain& value, bool flexible);
  void nullable_records(const std::optional<ByteChain>& value, bool flexible);
  void array_count(size_t count, bool flexible);
  void null_array(bool flexible) { null_length(flexible, true); }

  /// Begins a struct's tagged section, empty so far; add_tag() and end_tag() enclose each value.
  size_t begin_tags();
  void no_tags() { fixed<uint8_t>(0); }
  struct Tag {
    size_t position;
    size_t size_before;
  };
  Tag add_tag(size_t tags, uint32_t tag);
  void end_tag(Tag tag);

  size_t position() const { return static_cast<size_t>(at_ - buffer_.data()); }
  size_t size() const { return position() + spliced_bytes_; }
  /// Overwrites what was written at `position`, a frame's length for instance.
  void patch_int32(size_t position, int32_t value);

  /// Keeps the first error. `what` names the field and must live for ever (a literal).
  void fail(Errc code, const char* what);
  /// A field is set that the version lacks and whose loss would matter.
  void lacks(const char* field) { fail(Errc::unsupported_version, field); }
  /// A field is null where the version forbids it.
  void null(const char* field) { fail(Errc::invalid_argument, field); }
  Result<> result() const;
  /// Everything written, in order; the writer is empty afterwards.
  Result<ByteChain> finish() &&;

 private:
  struct Splice {
    size_t position;
    Bytes bytes;
  };

  void need(size_t count) {
    if (static_cast<size_t>(end_ - at_) < count) [[unlikely]]
      grow(count);
  }
  template <class T>
  void fixed(T value) {
    need(sizeof(T));
    store_be(at_, value);
    at_ += sizeof(T);
  }
  void grow(size_t count);
  void length(size_t count, bool flexible, bool wide);
  void null_length(bool flexible, bool wide);

  Buffer buffer_;
  uint8_t* at_;
  uint8_t* end_;
  std::vector<Splice> splices_;
  size_t spliced_bytes_ = 0;
  Errc error_ = Errc::unknown_server_error;
  const char* error_detail_ = nullptr;
};

}  // namespace partita::wire
