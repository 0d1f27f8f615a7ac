#pragma once
// A regular expression that consumers subscribe by (KIP-848): RE2's language, matched against whole
// topic names in time linear in their length, within a bound of memory.
//
// Invariants:
//  1. What compiles here compiles after a restart: the pattern alone decides.

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "metadata/image.h"

namespace re2 {
class RE2;
}

namespace partita::coordinators {

class TopicPattern {
 public:
  /// invalid_regular_expression with RE2's words for what does not compile.
  static Result<TopicPattern> compile(std::string_view pattern);
  ~TopicPattern();
  TopicPattern(TopicPattern&&) noexcept;
  TopicPattern& operator=(TopicPattern&&) noexcept;

  bool matches(std::string_view topic) const;
  /// The names of all topics of the image that match.
  std::set<std::string> matching(const metadata::Image& image) const;

 private:
  explicit TopicPattern(std::unique_ptr<re2::RE2> compiled);

  std::unique_ptr<re2::RE2> compiled_;
};

}  // namespace partita::coordinators
