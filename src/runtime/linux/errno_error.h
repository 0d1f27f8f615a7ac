#pragma once
// The kernel's error numbers in the project's words, with what was attempted.

#include <string_view>

#include "base/error.h"

namespace partita {

/// Of `number`: "WHAT: strerror".
std::unexpected<Error> errno_error(std::string_view what, int number);
/// Of errno.
std::unexpected<Error> errno_error(std::string_view what);

}  // namespace partita
