#pragma once
// The compression libraries behind compress.h, one class a library that needs working memory, whose
// types stay in its .cc file. Contexts are made at first use and kept while they are small.

#include "base/bytes.h"
#include "base/error.h"

struct z_stream_s;
struct LZ4F_dctx_s;
struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace partita::records::detail {

/// Room for more output: doubles `out` up to `bytes_max`; false where it is there already.
bool make_room(Buffer& out, size_t bytes_max);
/// Where inflation of so many bytes begins.
Buffer first_room(size_t compressed_bytes, size_t bytes_max);
std::unexpected<Error> inflated_too_large(size_t bytes_max);

class Gzip {
 public:
  Gzip() = default;
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;
  ~Gzip();
  Result<void> deflate(int level, ByteView bytes, Buffer& out);
  Result<Buffer> inflate(ByteView bytes, size_t bytes_max);

 private:
  Result<void> open_deflater(int level);

  z_stream_s* deflater_ = nullptr;
  int level_ = 0;
  z_stream_s* inflater_ = nullptr;
};

void snappy_deflate(ByteView bytes, Buffer& out);
Result<Buffer> snappy_inflate(ByteView bytes, size_t bytes_max);

class Lz4 {
 public:
  Lz4() = default;
  Lz4(const Lz4&) = delete;
  Lz4& operator=(const Lz4&) = delete;
  ~Lz4();
  static Result<void> deflate(int level, ByteView bytes, Buffer& out);
  Result<Buffer> inflate(ByteView bytes, size_t bytes_max);

 private:
  Result<Buffer> inflate_frames(ByteView bytes, size_t bytes_max);

  LZ4F_dctx_s* inflater_ = nullptr;
};

class Zstd {
 public:
  Zstd() = default;
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;
  ~Zstd();
  Result<void> deflate(int level, ByteView bytes, Buffer& out);
  Result<Buffer> inflate(ByteView bytes, size_t bytes_max);

 private:
  Result<void> inflate_frame(ByteView frame, Buffer& out, size_t bytes_max);

  ZSTD_CCtx_s* deflater_ = nullptr;
  ZSTD_DCtx_s* inflater_ = nullptr;
};

}  // namespace partita::records::detail
