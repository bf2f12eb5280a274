#include "services/cli/output/yaml.h"

#include "gtest/gtest.h"
#include "services/cli/output/style.h"

namespace mitra::cli {
namespace {

TEST(YamlTest, NestsListsAndMaps) {
  EXPECT_EQ(
      JsonToYaml(R"({"b":{"x":1,"z":[{"p":"q","r":true},2,[3]]},"a":0.5})"),
      "b:\n"
      "  x: 1\n"
      "  z:\n"
      "    - p: q\n"
      "      r: true\n"
      "    - 2\n"
      "    - - 3\n"
      "a: 0.5\n");
}

TEST(YamlTest, EmptyValuesStandInFlowStyle) {
  EXPECT_EQ(JsonToYaml("{}"), "{}\n");
  EXPECT_EQ(JsonToYaml("[]"), "[]\n");
  EXPECT_EQ(JsonToYaml(R"({"a":{},"b":[]})"), "a: {}\nb: []\n");
}

TEST(YamlTest, TextsThatCouldBeSomethingElseAreQuoted) {
  for (const char* text :
       {"no",   "True", "null", "12", "1e3",        "",     "- x",
        "a: b", "#x",   " x",   "x ", "2026-01-01", "a\nb", "~",
        "'",    "\"",   "*x",   "&x", "!x",         "%x",   "@x"}) {
    const std::string quoted =
        JsonToYaml(R"({"k":")" +
                   std::string(text == std::string("a\nb") ? "a\\nb"
                               : text == std::string("\"") ? "\\\""
                                                           : text) +
                   "\"}");
    EXPECT_EQ(quoted.substr(0, 4), "k: \"") << text;
  }
  EXPECT_EQ(JsonToYaml(R"({"k":"Keripik Tempe/2"})"), "k: Keripik Tempe/2\n");
}

TEST(YamlTest, WhatIsNotJsonStaysAsItIs) {
  EXPECT_EQ(JsonToYaml("{oops"), "{oops");
}

TEST(StyleTest, PaintsOnlyTerminalsThatWantIt) {
  unsetenv("NO_COLOR");
  setenv("TERM", "xterm", 1);
  EXPECT_TRUE(MayPaint(true));
  EXPECT_FALSE(MayPaint(false));
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(MayPaint(true));
  setenv("NO_COLOR", "", 1);
  EXPECT_TRUE(MayPaint(true)) << "an empty NO_COLOR is none";
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(MayPaint(true));
  EXPECT_EQ(Paint(Tone::kBad, "x", false), "x");
  EXPECT_EQ(Paint(Tone::kBad, "x", true), "\033[31mx\033[0m");
}

}  // namespace
}  // namespace mitra::cli
