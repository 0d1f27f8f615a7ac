// Any bytes are a properties file, or an error with a line; what parses reads back from what is
// written.

#include <cstdint>

#include "base/check.h"
#include "base/properties.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace partita;
  const Result<Properties> parsed = Properties::parse({data, size});
  if (!parsed) {
    CHECK(parsed.error().code == Errc::invalid_argument);
    return 0;
  }
  size_t bytes = 0;
  for (const auto& [name, value] : parsed->entries()) bytes += name.size() + value.size();
  CHECK(bytes <= 3 * size);
  const std::string written = parsed->write();
  const Result<Properties> again = Properties::parse(as_bytes(written));
  CHECK(again.has_value());
  CHECK(again->entries() == parsed->entries());
  CHECK(again->write() == written);
  return 0;
}
