#include <fmt/format.h>
#include <zlib.h>

#include "base/check.h"
#include "records/codecs.h"

namespace partita::records::detail {

namespace {

constexpr int kWindowBits = 15 + 16;  // the largest window, in gzip's framing
constexpr int kMemoryLevel = 8;

/// Points `stream` at the space behind `out`; what inflate wrote there, taken() counts in.
void offer(z_stream& stream, Buffer& out) {
  const ByteSpan spare = out.spare();
  stream.next_out = spare.data();
  stream.avail_out = static_cast<uInt>(std::min<size_t>(spare.size(), 1u << 30));
}

void taken(const z_stream& stream, Buffer& out) {
  out.grow_by(static_cast<size_t>(stream.next_out - out.spare().data()));
}

}  // namespace

Gzip::~Gzip() {
  if (deflater_ != nullptr) deflateEnd(deflater_);
  if (inflater_ != nullptr) inflateEnd(inflater_);
  delete deflater_;
  delete inflater_;
}

Result<void> Gzip::open_deflater(int level) {
  if (deflater_ != nullptr && level_ == level) {
    CHECK(deflateReset(deflater_) == Z_OK);
    return {};
  }
  if (deflater_ != nullptr) deflateEnd(deflater_);
  delete deflater_;
  deflater_ = new z_stream{};
  level_ = level;
  if (deflateInit2(deflater_, level, Z_DEFLATED, kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) ==
      Z_OK)
    return {};
  delete deflater_;
  deflater_ = nullptr;
  return fail(Errc::limit_exceeded, "gzip has no memory to compress with");
}

Result<void> Gzip::deflate(int level, ByteView bytes, Buffer& out) {
  CHECKED(open_deflater(level));
  out.reserve(out.size() + deflateBound(deflater_, bytes.size()));
  deflater_->next_in = const_cast<Bytef*>(bytes.data());
  deflater_->avail_in = static_cast<uInt>(bytes.size());
  offer(*deflater_, out);
  CHECK(::deflate(deflater_, Z_FINISH) == Z_STREAM_END);
  taken(*deflater_, out);
  return {};
}

Result<Buffer> Gzip::inflate(ByteView bytes, size_t bytes_max) {
  if (inflater_ == nullptr) {
    inflater_ = new z_stream{};
    CHECK(inflateInit2(inflater_, kWindowBits) == Z_OK);
  } else {
    CHECK(inflateReset(inflater_) == Z_OK);
  }
  Buffer out = first_room(bytes.size(), bytes_max);
  inflater_->next_in = const_cast<Bytef*>(bytes.data());
  inflater_->avail_in = static_cast<uInt>(bytes.size());
  for (;;) {
    // At the cap one byte of scratch tells an end from more.
    uint8_t scratch = 0;
    const bool full = !make_room(out, bytes_max);
    if (full) {
      inflater_->next_out = &scratch;
      inflater_->avail_out = 1;
    } else {
      offer(*inflater_, out);
    }
    const int answer = ::inflate(inflater_, Z_NO_FLUSH);
    if (full && inflater_->avail_out == 0) return inflated_too_large(bytes_max);
    if (!full) taken(*inflater_, out);
    if (answer == Z_STREAM_END) {
      if (inflater_->avail_in == 0) return out;
      CHECK(inflateReset(inflater_) == Z_OK);  // another member follows
    } else if (answer != Z_OK || (inflater_->avail_in == 0 && inflater_->avail_out != 0)) {
      return fail(Errc::corrupt_data,
                  fmt::format("gzip: {}", inflater_->msg != nullptr ? inflater_->msg : "cut"));
    }
  }
}

}  // namespace partita::records::detail
