#include "cli/kafka/plain_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace partita::cli::kafka {

std::string PlainTable::text() const {
  std::vector<size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < widths.size(); i++) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    for (size_t i = 0; i < widths.size(); i++) {
      text += fmt::format("{:<{}}\t", row[i], widths[i]);
    }
    text += '\n';
  }
  return text;
}

void PlainTable::print() const {
  std::fputs(text().c_str(), stdout);
}

}  // namespace partita::cli::kafka
