#pragma once
// docs/compatibility.md, made from the handler table: what is served, in which versions.

#include <string>

namespace partita::broker {

std::string compatibility_page();

}  // namespace partita::broker
