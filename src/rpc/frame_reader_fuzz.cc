// Any bytes in any pieces: frames come out as a plain reading of the sizes says, memory stays
// bounded, and headers are taken or refused.

#include <algorithm>
#include <cstring>
#include <string>

#include "base/check.h"
#include "rpc/frame_reader.h"
#include "wire/frame.h"

using partita::Bytes;
using partita::ByteSpan;
using partita::ByteView;
using partita::Errc;
using partita::Result;
using partita::rpc::FrameReader;
using partita::rpc::ReceiveScratch;

namespace {

constexpr size_t kFrameBytesMax = 1 << 20;

/// The next frame of `rest` by the definition; false where there is no whole one.
bool cut_plainly(ByteView& rest, ByteView& frame) {
  if (rest.size() < 4) return false;
  const auto size = partita::load_be<uint32_t>(rest.data());
  if (size == 0 || size > kFrameBytesMax || rest.size() - 4 < size) return false;
  frame = rest.subspan(4, size);
  rest = rest.subspan(4 + size);
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const size_t piece = 1 + data[0] * 37;
  ByteView input(data + 1, size - 1);
  ByteView expected = input;
  ReceiveScratch scratch;
  FrameReader reader(scratch, kFrameBytesMax);
  while (!input.empty()) {
    const ByteSpan into = reader.prepare();
    CHECK(!into.empty());
    const size_t count = std::min({into.size(), piece, input.size()});
    std::memcpy(into.data(), input.data(), count);
    input = input.subspan(count);
    reader.received(count);
    Result<Bytes> frame = reader.next();
    for (; frame; frame = reader.next()) {
      ByteView plain;
      CHECK(cut_plainly(expected, plain));
      CHECK(partita::equal(frame->view(), plain));
      static_cast<void>(partita::wire::parse_request(frame->view()));
    }
    CHECK(reader.held_bytes() <=
          std::max(FrameReader::kTrustedBytesMax, 2 * reader.partial_bytes()));
    if (frame.error().code == Errc::malformed) return 0;
  }
  ByteView plain;
  CHECK(!cut_plainly(expected, plain));
  return 0;
}
