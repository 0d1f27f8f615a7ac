#include "cli/dump_problems.h"

#include <fmt/format.h>

#include "cli/java_order.h"

namespace partita::cli {
namespace {

void tell_pairs(const std::function<void(std::string_view)>& err,
                const DumpProblems::Pairs& problems, std::string_view head, fmt::string_view line) {
  std::vector<std::string> paths;
  for (const auto& [path, pairs] : problems) paths.push_back(path);
  for (const std::string& path : java_map_order(paths)) {
    err(fmt::format("{}{}\n", head, path));
    for (const auto& [a, b] : problems.at(path))
      err(fmt::vformat(line, fmt::make_format_args(a, b)) + "\n");
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
