#pragma once
// A table as Kafka's younger tools print it: columns as wide as they must, each followed by a tab.

#include <string>
#include <vector>

namespace partita::cli::kafka {

class PlainTable {
 public:
  explicit PlainTable(std::vector<std::string> head) { rows_.push_back(std::move(head)); }

  /// REQUIRED: as many columns as the head has.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;
  /// On standard output.
  void print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace partita::cli::kafka
