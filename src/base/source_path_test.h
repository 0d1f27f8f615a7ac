#pragma once
// Where the checkout is, for tests that read the files beside the code.
//
// The build makes the one source that knows, cmake/source_path.cc.in: were the path in the flags or
// in a header, the compiler's cache would serve no other clone.

#include <string>
#include <string_view>

namespace partita {

// The path of a file of the project: source_path("src/wire/testdata/x").
std::string source_path(std::string_view below);

}  // namespace partita
