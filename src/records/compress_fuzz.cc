// Bytes as what a codec made (the first byte chooses), inflated under a cap; and as what a codec is
// to make smaller, there and back.

#include <cstdint>

#include "base/check.h"
#include "records/compress.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace partita;
  using records::Codec;
  if (size == 0) return 0;
  const auto codec = static_cast<Codec>(data[0] % 5);
  const ByteView bytes(data + 1, size - 1);
  const size_t bytes_max = size_t{1} << (8 + data[0] / 5 % 12);
  records::Decompressor decompressor;
  const Result<Buffer> inflated = decompressor.inflate(codec, bytes, bytes_max);
  if (inflated) {
    CHECK(inflated->size() <= bytes_max);
  } else {
    CHECK(inflated.error().code == Errc::corrupt_data ||
          inflated.error().code == Errc::limit_exceeded);
  }
  records::Compressor compressor;
  Buffer small;
  CHECK(compressor.deflate(codec, {}, bytes, small).has_value());
  const Result<Buffer> back = decompressor.inflate(codec, small.view(), bytes.size());
  CHECK(back.has_value());
  CHECK(equal(back->view(), bytes));
  return 0;
}
