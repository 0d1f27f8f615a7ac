#include "base/properties.h"

#include <gtest/gtest.h>

namespace partita {
namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;

Entries parse(std::string_view text) {
  const Result<Properties> properties = Properties::parse(as_bytes(text));
  EXPECT_TRUE(properties) << text;
  return properties ? properties->entries() : Entries{{"not", "parsed"}};
}

TEST(Properties, SeparatorsAreEqualsColonAndBlanks) {
  const Entries expected = {{"a", "b"}};
  for (const char* text : {"a=b", "a:b", "a b", "a\tb", "a\fb", "a = b", "a : b", "  a=b",
                           "a  =  b", "\t\f a=b\n", "a=b\r", "a=b\r\n", "\n\na=b\n\n"}) {
    EXPECT_EQ(parse(text), expected) << text;
  }
  EXPECT_EQ(parse("a==b"), (Entries{{"a", "=b"}}));
  EXPECT_EQ(parse("a=:b"), (Entries{{"a", ":b"}}));
  EXPECT_EQ(parse("a b=c"), (Entries{{"a", "b=c"}}));
  EXPECT_EQ(parse("a=b c  "), (Entries{{"a", "b c  "}}));  // blanks at the end belong to the value
}

TEST(Properties, NamesAndValuesMayBeEmpty) {
  EXPECT_EQ(parse("a"), (Entries{{"a", ""}}));
  EXPECT_EQ(parse("a="), (Entries{{"a", ""}}));
  EXPECT_EQ(parse("=b"), (Entries{{"", "b"}}));
  EXPECT_EQ(parse(":"), (Entries{{"", ""}}));
  EXPECT_EQ(parse(""), Entries{});
  EXPECT_EQ(parse(" \n\t\n\f"), Entries{});
}

TEST(Properties, CommentsAreWholeLines) {
  EXPECT_EQ(parse("# a=b\n ! c=d\ne=f # g\n"), (Entries{{"e", "f # g"}}));
  EXPECT_EQ(parse("# a \\\nb=c"), (Entries{{"b", "c"}}));  // a comment is not continued
  EXPECT_EQ(parse("#"), Entries{});
}

TEST(Properties, LinesContinueBehindAnOddNumberOfBackslashes) {
  EXPECT_EQ(parse("a=b\\\n   c"), (Entries{{"a", "bc"}}));
  EXPECT_EQ(parse("a=b\\\r\nc\\\rd"), (Entries{{"a", "bcd"}}));
  EXPECT_EQ(parse("a=b\\\\\nc=d"), (Entries{{"a", "b\\"}, {"c", "d"}}));
  EXPECT_EQ(parse("a=b\\\\\\\nc"), (Entries{{"a", "b\\c"}}));
  EXPECT_EQ(parse("a=b\\\n# c"), (Entries{{"a", "b# c"}}));
  EXPECT_EQ(parse("a=b\\\n\nc=d"), (Entries{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(parse("a=b\\"), (Entries{{"a", "b"}}));
  EXPECT_EQ(parse("\\\n\\\n a=b"), (Entries{{"a", "b"}}));
  EXPECT_EQ(parse("\\"), Entries{});
  EXPECT_EQ(parse("na\\\n  me = va\\\n  lue"), (Entries{{"name", "value"}}));
}

TEST(Properties, EscapesAreJavas) {
  EXPECT_EQ(parse(R"(a=\t\n\r\f\\\"\q\ \:)"), (Entries{{"a", "\t\n\r\f\\\"q :"}}));
  EXPECT_EQ(parse(R"(a\=b\:c\ d=e)"), (Entries{{"a=b:c d", "e"}}));
  EXPECT_EQ(parse(R"(\#a=1)"), (Entries{{"#a", "1"}}));
  EXPECT_EQ(parse(R"(a=\u0041\u00e9\u20AC)"), (Entries{{"a", "A\u00e9\u20ac"}}));
  EXPECT_EQ(parse(R"(a=\uD83D\uDE00)"), (Entries{{"a", "\U0001F600"}}));
  EXPECT_EQ(parse(R"(a=\uD83Dx\uDE00)"), (Entries{{"a", "\ufffdx\ufffd"}}));
  EXPECT_EQ(parse(R"(a=\uD83D)"), (Entries{{"a", "\ufffd"}}));
  EXPECT_EQ(parse("a=\xe9"), (Entries{{"a", "\u00e9"}}));  // Latin-1
}

TEST(Properties, AMalformedEscapeNamesItsLine) {
  for (const char* text : {"a=b\nc=\\u12", "a=b\nc=\\u12g4", "a=b\n\\uxyz=1", "a=b\nc=\\u"}) {
    const auto properties = Properties::parse(as_bytes(text));
    ASSERT_FALSE(properties) << text;
    EXPECT_EQ(properties.error().code, Errc::invalid_argument);
    EXPECT_TRUE(properties.error().detail.starts_with("line 2:")) << properties.error().detail;
  }
}

TEST(Properties, TheLastOfANameCounts) {
  EXPECT_EQ(parse("a=1\nb=2\na=3"), (Entries{{"a", "3"}, {"b", "2"}}));
  auto properties = Properties::parse(as_bytes("a=1"));
  ASSERT_TRUE(properties);
  properties->set("a", "2");
  properties->set("b", "3");
  EXPECT_EQ(properties->entries(), (Entries{{"a", "2"}, {"b", "3"}}));
  ASSERT_NE(properties->find("b"), nullptr);
  EXPECT_EQ(*properties->find("b"), "3");
  EXPECT_EQ(properties->find("c"), nullptr);
}

TEST(Properties, WhatIsWrittenReadsBack) {
  Properties properties;
  const Entries entries = {{"", ""},
                           {" a b ", "  x y  "},
                           {"=:#!", "=:#!\\"},
                           {"\t\n\r\f", "line\nline\r\n\\"},
                           {"\u00e9\u20ac", "\U0001F600 \x01\x7f"},
                           {"#", "!"}};
  for (const auto& [name, value] : entries) properties.set(name, value);
  EXPECT_EQ(parse(properties.write()), entries);
}

TEST(Properties, WritesAsJavaDoes) {
  Properties properties;
  properties.set("a b", " c d");
  properties.set("path", "C:\\x");
  properties.set("\u20ac", "\U0001F600");
  properties.set("bad", "\xff\xc3");
  EXPECT_EQ(properties.write(),
            "a\\ b=\\ c d\n"
            "path=C\\:\\\\x\n"
            "\\u20AC=\\uD83D\\uDE00\n"
            "bad=\\uFFFD\\uFFFD\n");
}

}  // namespace
}  // namespace partita
