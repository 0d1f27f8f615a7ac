// Bytes and JSON that Apache Kafka 4.3.1's own classes made: every vector must decode to its JSON
// and, where no unknown tag was added, encode back to its bytes.

#include <gtest/gtest.h>
#include <zlib.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/source_path_test.h"
#include "wire/registry.h"

namespace partita::wire {
namespace {

constexpr size_t kVectors = 3600;
constexpr size_t kMessages = 272;

/// The lines of a gzip file.
std::vector<std::string> read_gz_lines(const std::string& path) {
  std::vector<std::string> lines;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return lines;
  std::string all;
  std::vector<char> part(1 << 16);
  for (int count; (count = gzread(file, part.data(), static_cast<unsigned>(part.size()))) > 0;) {
    all.append(part.data(), static_cast<size_t>(count));
  }
  gzclose(file);
  for (size_t from = 0; from < all.size();) {
    const size_t end = all.find('\n', from);
    lines.push_back(all.substr(from, end - from));
    if (end == std::string::npos) break;
    from = end + 1;
  }
  return lines;
}

std::vector<uint8_t> from_hex(const std::string& hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::vector<uint8_t> flatten(const ByteChain& chain) {
  std::vector<uint8_t> bytes;
  for (const Bytes& part : chain) bytes.insert(bytes.end(), part.view().begin(), part.view().end());
  return bytes;
}

const std::vector<nlohmann::ordered_json>& vectors() {
  static const auto kAll = [] {
    std::vector<nlohmann::ordered_json> all;
    for (const std::string& line :
         read_gz_lines(source_path("src/wire/testdata/kafka-4.3.1.jsonl.gz"))) {
      if (!line.empty()) all.push_back(nlohmann::ordered_json::parse(line));
    }
    return all;
  }();
  return kAll;
}

/// The vectors call XxxData by the name Xxx.
std::string message_name(const nlohmann::ordered_json& vector) {
  const auto name = vector["message"].get<std::string>();
  return find_message(name) == nullptr ? name + "Data" : name;
}

std::string title(const nlohmann::ordered_json& vector) {
  return vector["message"].get<std::string>() + " v" + vector["version"].dump() + " " +
         vector["variant"].get<std::string>();
}

TEST(Golden, every_message_of_kafka_has_vectors_and_a_schema) {
  std::set<std::string> messages;
  for (const auto& vector : vectors()) messages.insert(message_name(vector));
  EXPECT_EQ(vectors().size(), kVectors);
  EXPECT_EQ(messages.size(), kMessages);
  for (const std::string& name : messages) EXPECT_NE(find_message(name), nullptr) << name;
  for (const MessageDescriptor* message : all_messages()) {
    EXPECT_TRUE(messages.contains(std::string(message->name))) << message->name;
  }
}

TEST(Golden, bytes_decode_to_kafkas_json) {
  size_t run = 0;
  for (const auto& vector : vectors()) {
    const auto bytes = from_hex(vector["hex"]);
    const auto json = decode_to_json(message_name(vector), vector["version"].get<int16_t>(), bytes);
    ASSERT_TRUE(json.has_value()) << title(vector) << ": " << describe(json.error());
    // Compared as values, but with the order of keys: a double has more than one spelling.
    ASSERT_EQ(nlohmann::ordered_json::parse(*json), vector["json"]) << title(vector);
    run++;
  }
  EXPECT_EQ(run, kVectors);
}

TEST(Golden, materialised_messages_encode_to_kafkas_bytes) {
  size_t run = 0;
  size_t tagged = 0;
  for (const auto& vector : vectors()) {
    const auto name = message_name(vector);
    const auto version = vector["version"].get<int16_t>();
    const auto bytes = from_hex(vector["hex"]);
    const auto again = reencode(name, version, bytes);
    ASSERT_TRUE(again.has_value()) << title(vector) << ": " << describe(again.error());
    if (vector["variant"] == "tagged") {
      // The unknown tags are gone; everything else must still be there.
      ASSERT_EQ(decode_to_json(name, version, flatten(*again)),
                decode_to_json(name, version, bytes))
          << title(vector);
      tagged++;
    } else {
      // `records` come back whatever they hold, though JSON does not show them.
      ASSERT_EQ(flatten(*again), bytes) << title(vector);
    }
    run++;
  }
  EXPECT_EQ(run, kVectors);
  EXPECT_GT(tagged, 500U);
}

TEST(Golden, every_cut_of_a_message_is_refused) {
  for (const auto& vector : vectors()) {
    if (vector["variant"] != "filled") continue;
    const auto name = message_name(vector);
    const auto version = vector["version"].get<int16_t>();
    const auto bytes = from_hex(vector["hex"]);
    for (size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 64) {
      const ByteView cut = ByteView(bytes).first(size);
      ASSERT_FALSE(reencode(name, version, cut).has_value()) << title(vector) << " cut at " << size;
      ASSERT_FALSE(decode_to_json(name, version, cut).has_value()) << title(vector);
    }
  }
}

}  // namespace
}  // namespace partita::wire
