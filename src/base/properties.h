#pragma once
// Java's .properties files: parse and write. Comments (# and !), separators (=, : or white space),
// continuation lines and escapes (\t \n \r \f \uXXXX) as java.util.Properties has them.
//
// Files are ISO-8859-1, as there; names and values here are UTF-8. Half a surrogate pair becomes
// U+FFFD. Memory is at most three times the file's size.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace partita {

class Properties {
 public:
  /// invalid_argument with the line's number for a \u without four hexadecimal digits; everything
  /// else is a legal file.
  static Result<Properties> parse(ByteView file);

  /// Nothing where it is not there; the last one counts where it is there more than once.
  const std::string* find(std::string_view name) const;
  /// In the order of the file, each name once, at the place where it came first.
  const std::vector<std::pair<std::string, std::string>>& entries() const { return entries_; }
  void set(std::string_view name, std::string_view value);

  /// One name=value a line, escaped so that parse() answers the same. REQUIRED: UTF-8; what is not
  /// becomes U+FFFD.
  std::string write() const;

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

}  // namespace partita
