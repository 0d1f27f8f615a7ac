#include "cli/dump_problems.h"

#include <fmt/format.h>

namespace partita::cli {
namespace {

void tell_pairs(const std::function<void(std::string_view)>& err,
                const DumpProblems::Pairs& problems, std::string_view head, fmt::string_view line) {
  for (const auto& [path, pairs] : problems) {
    err(fmt::format("{}{}\n", head, path));
    for (const auto& [a, b] : pairs) err(fmt::vformat(line, fmt::make_format_args(a, b)) + "\n");
  }
}

}  // namespace

void DumpProblems::tell(const std::function<void(std::string_view)>& err) const {
  tell_pairs(err, index_mismatches, "Mismatches in :", "  Index offset: {}, log offset: {}");
  tell_pairs(err, time_mismatches,
             "Found timestamp mismatch in :", "  Index timestamp: {}, log timestamp: {}");
  tell_pairs(err, time_disorder, "Found out of order timestamp in :",
             "  Index timestamp: {}, Previously indexed timestamp: {}");
  tell_pairs(err, time_not_found, "The following indexed offsets are not found in :",
             "Indexed offset: {}, found log offset: {}");
  tell_pairs(err, gaps, "Non-consecutive offsets in ", "  {} is followed by {}");
}

}  // namespace partita::cli
