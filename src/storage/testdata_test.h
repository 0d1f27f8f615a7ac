#pragma once
// What the tests of the small files share: files that Apache Kafka 4.3.1 wrote (testdata/ and
// ../records/testdata/, named partition.file), and a mutant that is on for as long as a test lasts.

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "base/fault_points.h"
#include "base/source_path_test.h"

namespace partita::storage {

inline Bytes kafka_file(std::string_view path) {
  std::ifstream file(source_path("src/").append(path), std::ios::binary);
  CHECK(file.good());
  return Bytes::copy_of(
      std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()));
}

class WithMutant {
 public:
  explicit WithMutant(std::string_view name) { faults::set_mutant(name); }
  ~WithMutant() { faults::set_mutant(""); }
  WithMutant(const WithMutant&) = delete;
};

}  // namespace partita::storage
