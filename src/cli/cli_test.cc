// Flags, lines and orders: what the commands are made of, without any cluster.

#include <gtest/gtest.h>

#include "cli/java_order.h"
#include "cli/kafka/option_parser.h"
#include "cli/kafka/topics_options.h"
#include "cli/record_reader.h"
#include "cli/record_writer.h"

namespace partita::cli {
namespace {

using kafka::Argument;

constexpr kafka::OptionRow kRows[] = {
    {"flag", Argument::none, "", ""},
    {"need", Argument::required, "String", ""},
    {"may", Argument::optional, "String", ""},
};

Result<kafka::Options> parse(const std::vector<std::string>& arguments) {
  return kafka::OptionParser(kRows).parse(arguments);
}

TEST(OptionParser, TakesEveryForm) {
  const auto options = parse({"--need", "a", "--need=b", "-need", "c", "--may", "--flag", "rest",
                              "--may", "v", "--", "--flag"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->values("need"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(options->value("need"), "c");
  EXPECT_TRUE(options->has("flag"));
  EXPECT_EQ(options->value("may"), "v");
  EXPECT_EQ(options->rest(), (std::vector<std::string>{"rest", "--flag"}));
  // An argument may look like an option, unless it is one.
  EXPECT_EQ(parse({"--need", "-1"})->value("need"), "-1");
  EXPECT_EQ(parse({"--need", "--other"})->value("need"), "--other");
}

TEST(OptionParser, ComplainsAsJavaDoes) {
  EXPECT_EQ(parse({"--nosuch"}).error().detail, "nosuch is not a recognized option");
  EXPECT_EQ(parse({"--fla"}).error().detail, "fla is not a recognized option");
  EXPECT_EQ(parse({"--need"}).error().detail, "Option need requires an argument");
  EXPECT_EQ(parse({"--need", "--flag"}).error().detail, "Option need requires an argument");
  EXPECT_EQ(parse({"--need", "x"})->integer("need").error().detail,
            "Cannot parse argument 'x' of option need");
  EXPECT_EQ(parse({"--need", "3000000000"})->integer("need").error().detail,
            "Cannot parse argument '3000000000' of option need");
  EXPECT_EQ(parse({"--need", "3000000000"})->integer("need", 64).value(), 3000000000);
  EXPECT_EQ(parse({})->integer("need").value(), std::nullopt);
}

TEST(ReplicaAssignment, Parses) {
  const auto parsed = kafka::parse_replica_assignment("1:2, 3 :1");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->at(0), (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(parsed->at(1), (std::vector<int32_t>{3, 1}));
  for (const char* wrong : {"", "x", "1:1", "1,2:3", "1:", ",1", "99999999999"}) {
    EXPECT_FALSE(kafka::parse_replica_assignment(wrong)) << wrong;
  }
}

TEST(JavaOrder, HashesAsJavaDoes) {
  EXPECT_EQ(java_hash(""), 0);
  EXPECT_EQ(java_hash("hello"), 99162322);
  EXPECT_EQ(java_hash("min.insync.replicas"), java_hash("min.insync.replicas"));
  EXPECT_EQ(java_hash("\xc3\xa4"), 228);                           // U+00E4
  EXPECT_EQ(java_hash("\xf0\x9f\x98\x80"), 0xd83d * 31 + 0xde00);  // a surrogate pair
  EXPECT_EQ(java_map_order({"b", "a", "c"}), (std::vector<std::string>{"a", "b", "c"}));
  // "Aa" and "BB" have one hash: the order of insertion decides.
  EXPECT_EQ(java_map_order({"BB", "Aa"}), (std::vector<std::string>{"BB", "Aa"}));
}

// --- Lines ---

LineFormat format_of(std::vector<std::pair<std::string, std::string>> properties) {
  auto format = line_format(properties);
  CHECK(format.has_value());
  return *format;
}

TEST(RecordReader, KeysHeadersAndNull) {
  RecordReader reader(format_of({{"parse.key", "true"},
                                 {"parse.headers", "TRUE"},
                                 {"key.separator", "=>"},
                                 {"null.marker", "-"}}),
                      "t");
  const auto record = reader.read("a:1,b:-\tk=>v=>w");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->key, "k");
  EXPECT_EQ(record->value, "v=>w");
  ASSERT_EQ(record->headers.size(), 2u);
  EXPECT_EQ(record->headers[0].second, "1");
  EXPECT_EQ(record->headers[1].second, std::nullopt);
  const auto nothing = reader.read("-\t-=>-");
  EXPECT_EQ(nothing->key, std::nullopt);
  EXPECT_EQ(nothing->value, std::nullopt);
  EXPECT_TRUE(nothing->headers.empty());
  EXPECT_EQ(reader.read("x").error().detail, "No headers delimiter found on line number 3: 'x'");
  EXPECT_EQ(reader.read("a:1\tv").error().detail,
            "No key separator found on line number 4: 'a:1\tv'");
  EXPECT_EQ(reader.read("a\tk=>v").error().detail,
            "No header key separator found in pair 'a' on line number 5");
  EXPECT_FALSE(line_format({{"headers.separator", ":"}}));
}

TEST(LineSplitter, CutsWhereverPiecesEnd) {
  LineSplitter lines;
  lines.add("one\r\ntw");
  EXPECT_EQ(lines.next(false), "one");
  EXPECT_EQ(lines.next(false), std::nullopt);
  lines.add("o\n\nlast");
  EXPECT_EQ(lines.next(false), "two");
  EXPECT_EQ(lines.next(false), "");
  EXPECT_EQ(lines.next(false), std::nullopt);
  EXPECT_EQ(lines.next(true), "last");
  EXPECT_EQ(lines.next(true), std::nullopt);
}

std::string shown(const client::ConsumedRecord& record,
                  std::vector<std::pair<std::string, std::string>> properties) {
  const auto format = record_format(properties);
  CHECK(format.has_value());
  std::string out;
  const Result<> done = append_record(out, record, *format);
  return done ? out : describe(done.error());
}

TEST(RecordWriter, ShowsWhatWasAsked) {
  client::ConsumedRecord record;
  record.partition = PartitionIndex(2);
  record.offset = Offset(7);
  record.timestamp = WallTime(123);
  record.value = as_bytes("v");
  EXPECT_EQ(shown(record, {}), "v\n");
  EXPECT_EQ(shown(record, {{"print.key", "true"}, {"key.separator", "|"}}), "null|v\n");
  EXPECT_EQ(shown(record, {{"print.timestamp", "true"},
                           {"print.partition", "true"},
                           {"print.offset", "true"},
                           {"print.headers", "true"}}),
            "CreateTime:123\tPartition:2\tOffset:7\tNO_HEADERS\tv\n");
  EXPECT_EQ(shown(record, {{"print.value", "false"}}), "");
  record.timestamp = kNoTimestamp;
  EXPECT_EQ(shown(record, {{"print.timestamp", "true"}, {"line.separator", ";"}}),
            "NO_TIMESTAMP\tv;");
}

TEST(RecordWriter, DecodesNumbers) {
  const auto number = [](std::string_view bytes, const std::string& name) {
    client::ConsumedRecord record;
    record.value = as_bytes(bytes);
    const std::string deserializer =
        "org.apache.kafka.common.serialization." + name + "Deserializer";
    return shown(record, {{"value.deserializer", deserializer}});
  };
  using namespace std::string_view_literals;
  EXPECT_EQ(number("\xff\xff\xff\xfe"sv, "Integer"), "-2\n");
  EXPECT_EQ(number("\0\0\0\0\0\0\1\0"sv, "Long"), "256\n");
  EXPECT_EQ(number("\0\5"sv, "Short"), "5\n");
  EXPECT_EQ(number("\x3f\xf8\0\0\0\0\0\0"sv, "Double"), "1.5\n");
  EXPECT_EQ(number("\x41\x2e\x84\x80\0\0\0\0"sv, "Double"), "1000000.0\n");
  EXPECT_EQ(number("\x41\x63\x12\xd0\0\0\0\0"sv, "Double"), "1.0E7\n");
  EXPECT_EQ(number("\x3f\x1a\x36\xe2\xeb\x1c\x43\x2d"sv, "Double"), "1.0E-4\n");
  EXPECT_NE(number("\0\1"sv, "Long").find("is not 8"), std::string::npos);
  EXPECT_FALSE(record_format({{"value.deserializer", "no.such.Thing"}}));
}

}  // namespace
}  // namespace partita::cli
