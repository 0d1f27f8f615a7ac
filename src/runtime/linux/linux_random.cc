#include "runtime/linux/linux_random.h"

#include <sys/random.h>

#include <bit>
#include <cerrno>

namespace partita {

LinuxRandom::LinuxRandom() {
  // Requests of up to 256 bytes are answered whole once the kernel's pool is up.
  ssize_t count = 0;
  do {
    count = getrandom(state_.data(), sizeof state_, 0);
  } while (count < 0 && errno == EINTR);
  CHECK(count == sizeof state_);
}

uint64_t LinuxRandom::next() {
  auto& s = state_;
  const uint64_t result = std::rotl(s[0] + s[3], 23) + s[0];
  const uint64_t shifted = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = std::rotl(s[3], 45);
  return result;
}

}  // namespace partita
