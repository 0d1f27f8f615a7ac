// Any bytes as any message in any version. Input: two bytes choose the message, one the version,
// the rest is the body. Oracles: generated code and table walk accept the same bytes; what is
// accepted encodes to bytes that decode and encode to themselves and mean the same JSON; checking
// takes at most 4 x frame + 64 KiB.

#include "base/allocation_counter.h"
#include "base/check.h"
#include "wire/frame.h"
#include "wire/metadata_record.h"
#include "wire/registry.h"
#include "wire/walk.h"

namespace partita::wire {
namespace {

constexpr uint64_t kFixedBudget = 64 * 1024;
// An owned element is larger than its least bytes on the wire; this bounds the worst of all
// structs.
constexpr uint64_t kOwnedFactor = 512;

std::vector<uint8_t> flatten(const ByteChain& chain) {
  std::vector<uint8_t> bytes;
  for (const Bytes& part : chain) bytes.insert(bytes.end(), part.view().begin(), part.view().end());
  return bytes;
}

void check_identity(const MessageDescriptor& message, int16_t version, ByteView body,
                    const ByteChain& encoded) {
  const auto once = flatten(encoded);
  const auto again = reencode(message, once, version);
  CHECK(again.has_value());
  CHECK(flatten(*again) == once);
  const auto before = decode_to_json(message, body, version);
  const auto after = decode_to_json(message, once, version);
  CHECK(before.has_value());
  CHECK(before == after);
}

void fuzz_message(const MessageDescriptor& message, int16_t version, ByteView body) {
  Result<size_t> size = 0;
  const uint64_t taken = bytes_taken([&] { size = check_message(message, body, version); });
  CHECK(taken <= 4 * body.size() + kFixedBudget);
  Result<ByteChain> encoded;
  const uint64_t owned = bytes_taken([&] { encoded = reencode(message, body, version); });
  CHECK(owned <= kOwnedFactor * body.size() + kFixedBudget);
  CHECK(size.has_value() == encoded.has_value());
  if (encoded) check_identity(message, version, body, *encoded);
}

void fuzz(ByteView input) {
  if (input.size() < 3) return;
  const auto all = all_messages();
  const MessageDescriptor& message = *all[load_be<uint16_t>(input.data()) % all.size()];
  const int span = message.versions.last - message.versions.first + 1;
  const auto version = static_cast<int16_t>(message.versions.first + input[2] % span);
  const ByteView body = input.subspan(3);
  fuzz_message(message, version, body);
  static_cast<void>(parse_request(body));
  static_cast<void>(decode_metadata_record(body));
}

}  // namespace
}  // namespace partita::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  partita::wire::fuzz({data, size});
  return 0;
}
