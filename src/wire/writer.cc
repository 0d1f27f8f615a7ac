#include "wire/writer.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string>

#include "base/check.h"
#include "base/varint.h"
#include "wire/reader.h"

namespace partita::wire {

Writer::Writer(size_t capacity)
    : buffer_(std::max<size_t>(capacity, 16)),
      at_(buffer_.data()),
      end_(buffer_.data() + buffer_.capacity()) {}

void Writer::grow(size_t count) {
  const size_t used = position();
  buffer_.resize(used);
  buffer_.reserve(std::max(used + count, buffer_.capacity() * 2));
  at_ = buffer_.data() + used;
  end_ = buffer_.data() + buffer_.capacity();
}

void Writer::float64(double value) {
  fixed(std::bit_cast<uint64_t>(value));
}

void Writer::uvarint(uint32_t value) {
  need(kVarint32BytesMax);
  at_ += put_uvarint(at_, value);
}

void Writer::raw(ByteView bytes) {
  if (bytes.empty()) return;
  need(bytes.size());
  std::memcpy(at_, bytes.data(), bytes.size());
  at_ += bytes.size();
}

void Writer::splice(const Bytes& bytes) {
  if (bytes.size() < kSpliceBytesMin) return raw(bytes.view());
  splices_.push_back({position(), bytes});
  spliced_bytes_ += bytes.size();
}

void Writer::length(size_t count, bool flexible, bool wide) {
  constexpr auto kCountMax = static_cast<size_t>(std::numeric_limits<int32_t>::max()) - 1;
  if (count > kCountMax) return fail(Errc::invalid_argument, "more than 2 GiB in one field");
  if (flexible) return uvarint(static_cast<uint32_t>(count) + 1);
  if (wide) return int32(static_cast<int32_t>(count));
  int16(static_cast<int16_t>(count));
}

void Writer::null_length(bool flexible, bool wide) {
  if (flexible) return uvarint(0);
  if (wide) return int32(-1);
  int16(-1);
}

void Writer::string(std::string_view value, bool flexible) {
  if (value.size() > kStringBytesMax) {
    return fail(Errc::invalid_argument, "a string of more than 32767 bytes");
  }
  length(value.size(), flexible, false);
  raw(as_bytes(value));
}

void Writer::nullable_string(const std::optional<std::string>& value, bool flexible) {
  if (!value) return null_length(flexible, false);
  string(*value, flexible);
}

void Writer::bytes(const Bytes& value, bool flexible) {
  length(value.size(), flexible, true);
  splice(value);
}

void Writer::nullable_bytes(const std::optional<Bytes>& value, bool flexible) {
  if (!value) return null_length(flexible, true);
  bytes(*value, flexible);
}

void Writer::records(const ByteChain& value, bool flexible) {
  length(chain_size(value), flexible, true);
  for (const Bytes& part : value) splice(part);
}

void Writer::nullable_records(const std::optional<ByteChain>& value, bool flexible) {
  if (!value) return null_length(flexible, true);
  records(*value, flexible);
}

void Writer::array_count(size_t count, bool flexible) {
  length(count, flexible, true);
}

size_t Writer::begin_tags() {
  const size_t tags = position();
  no_tags();
  return tags;
}

Writer::Tag Writer::add_tag(size_t tags, uint32_t tag) {
  // A struct has fewer tags than one byte of a varint counts; the generator sees to it.
  buffer_.data()[tags]++;
  uvarint(tag);
  const Tag opened{.position = position(), .size_before = size() + 1};
  fixed<uint8_t>(0);
  return opened;
}

void Writer::end_tag(Tag tag) {
  const auto value_size = static_cast<uint32_t>(size() - tag.size_before);
  const size_t extra = uvarint_size(value_size) - 1;
  if (extra > 0) {
    // The size takes more than the byte that was left for it: the value moves back.
    need(extra);
    uint8_t* value = buffer_.data() + tag.position + 1;
    std::memmove(value + extra, value, static_cast<size_t>(at_ - value));
    at_ += extra;
    for (auto it = splices_.rbegin(); it != splices_.rend() && it->position > tag.position; ++it) {
      it->position += extra;
    }
  }
  put_uvarint(buffer_.data() + tag.position, value_size);
}

void Writer::patch_int32(size_t position, int32_t value) {
  CHECK(position + sizeof(value) <= this->position());
  store_be(buffer_.data() + position, value);
}

void Writer::fail(Errc code, const char* what) {
  if (error_detail_ != nullptr) return;
  error_ = code;
  error_detail_ = what;
}

Result<> Writer::result() const {
  if (error_detail_ == nullptr) return {};
  return partita::fail(error_, error_detail_);
}

Result<ByteChain> Writer::finish() && {
  CHECKED(result());
  const size_t used = position();
  buffer_.resize(used);
  const Bytes own = std::move(buffer_).freeze();
  at_ = end_ = nullptr;
  ByteChain chain;
  chain.reserve(splices_.size() * 2 + 1);
  size_t from = 0;
  for (Splice& splice : splices_) {
    if (splice.position > from) chain.push_back(own.slice(from, splice.position - from));
    chain.push_back(std::move(splice.bytes));
    from = splice.position;
  }
  if (used > from) chain.push_back(own.slice(from, used - from));
  splices_.clear();
  spliced_bytes_ = 0;
  return chain;
}

}  // namespace partita::wire
