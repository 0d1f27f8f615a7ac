#include "runtime/linux/errno_error.h"

#include <cerrno>
#include <cstring>
#include <string>

namespace partita {

namespace {

Errc errc_of(int number) {
  switch (number) {
    case ENOSPC:
    case EDQUOT: return Errc::no_space;
    case ENOENT: return Errc::not_found;
    case EEXIST:
    case ENOTEMPTY:
    case EADDRINUSE: return Errc::already_exists;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return Errc::limit_exceeded;
    case EAGAIN:
    case EINPROGRESS: return Errc::would_block;
    case ECONNRESET:
    case ECONNREFUSED:
    case ECONNABORTED:
    case EPIPE:
    case ENOTCONN:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH: return Errc::connection_reset;
    case EADDRNOTAVAIL:
    case EINVAL: return Errc::invalid_argument;
    default: return Errc::io_error;
  }
}

}  // namespace

std::unexpected<Error> errno_error(std::string_view what, int number) {
  char memory[128];
  const char* words = strerror_r(number, memory, sizeof memory);
  return fail(errc_of(number), std::string(what) + ": " + words);
}

std::unexpected<Error> errno_error(std::string_view what) {
  return errno_error(what, errno);
}

}  // namespace partita
