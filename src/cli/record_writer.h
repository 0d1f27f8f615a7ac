#pragma once
// Records as text, under the property names and in the form of Kafka's DefaultMessageFormatter.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "client/fetched_records.h"

namespace partita::cli {

/// What bytes are read as; names are those of Kafka's deserializer classes.
enum class Decoding { string, int16, int32, int64, float32, float64, uuid };

struct RecordFormat {
  bool print_timestamp = false;
  bool print_key = false;
  bool print_offset = false;
  bool print_partition = false;
  bool print_delivery = false;
  bool print_epoch = false;
  bool print_headers = false;
  bool print_value = true;
  std::string key_separator = "\t";
  std::string line_separator = "\n";
  std::string headers_separator = ",";
  std::string null_literal = "null";
  Decoding key = Decoding::string;
  Decoding value = Decoding::string;
  Decoding header = Decoding::string;
};

/// Names that it does not know are ignored, as there; a deserializer that it does not know is an
/// Error.
Result<RecordFormat> record_format(
    const std::vector<std::pair<std::string, std::string>>& properties);

/// Appends the record's line. Errors where a key or value is not what its deserializer reads.
Result<> append_record(std::string& out, const client::ConsumedRecord& record,
                       const RecordFormat& format);

}  // namespace partita::cli
