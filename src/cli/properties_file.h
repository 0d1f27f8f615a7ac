#pragma once
// A .properties file that a flag names.

#include <string>

#include "base/error.h"
#include "base/properties.h"

namespace partita::cli {

/// Errors carry Java's words for a file that is not there: "NAME (No such file or directory)".
Result<Properties> read_properties_file(const std::string& path);

}  // namespace partita::cli
