// Files from outside.

#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "services/cli/input/csv.h"
#include "services/cli/input/line_reader.h"
#include "services/cli/input/row_parser.h"

namespace mitra::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Lines(const std::string& text) {
  std::istringstream in(text);
  LineReader reader(in, 100);
  std::vector<std::string> lines;
  while (*reader.Next()) lines.push_back(reader.line());
  return lines;
}

TEST(LineReaderTest, AllLineEndsAndMarksGiveTheSameLines) {
  const auto expected = ElementsAre("a", "", "b");
  EXPECT_THAT(Lines("a\n\nb\n"), expected);
  EXPECT_THAT(Lines("a\r\n\r\nb\r\n"), expected);
  EXPECT_THAT(Lines("a\n\nb"), expected);
  EXPECT_THAT(Lines("\xef\xbb\xbf"
                    "a\n\nb"),
              expected);
}

TEST(LineReaderTest, Utf16IsRefusedClearly) {
  std::istringstream in(
      "\xff\xfe"
      "a");
  LineReader reader(in);
  EXPECT_THAT(reader.Next().status().message(), HasSubstr("UTF-16"));
}

TEST(LineReaderTest, AnOverlongLineIsMarkedAndNotKept) {
  std::istringstream in(std::string(5'000'000, 'x') + "\nnext\n");
  LineReader reader(in, 100);
  ASSERT_TRUE(*reader.Next());
  EXPECT_TRUE(reader.too_long());
  EXPECT_EQ(reader.line().size(), 100u);
  ASSERT_TRUE(*reader.Next());
  EXPECT_EQ(reader.line(), "next");
  EXPECT_EQ(reader.number(), 2u);
}

TEST(CsvReaderTest, QuotedCommasQuotesAndLineEnds) {
  std::istringstream in("a,\"b,c\",\"d \"\"e\"\"\"\n\n\"two\r\nlines\",x,\n");
  LineReader lines(in);
  CsvReader csv(lines);
  ASSERT_TRUE(*csv.Next());
  EXPECT_THAT(csv.cells(), ElementsAre("a", "b,c", "d \"e\""));
  ASSERT_TRUE(*csv.Next());
  EXPECT_THAT(csv.cells(), ElementsAre("two\nlines", "x", ""));
  EXPECT_EQ(csv.first_line(), 3u);
  EXPECT_EQ(csv.blank_lines(), 1u);
  EXPECT_FALSE(*csv.Next());
}

TEST(CsvReaderTest, BrokenQuotesNameTheLine) {
  std::istringstream open("a\n\"b");
  LineReader lines(open);
  CsvReader csv(lines);
  ASSERT_TRUE(*csv.Next());
  EXPECT_THAT(csv.Next(), NamesField("line 2"));
  std::istringstream after("\"a\"b");
  LineReader more(after);
  EXPECT_THAT(CsvReader(more).Next(), NamesField("line 1"));
}

TEST(JsonRowTest, ReadsEveryKindOfRow) {
  MITRA_ASSERT_OK_AND_ASSIGN(
      const Row profile,
      ParseJsonRow(
          R"({"profile":{"profile_id":"a","kind":"MEMBER_KIND_BUSINESS"}})"));
  EXPECT_EQ(std::get<v1::Profile>(profile).profile_id(), "a");
  MITRA_ASSERT_OK_AND_ASSIGN(const Row bare,
                             ParseJsonRow(R"({"profileId":"b"})"));
  EXPECT_EQ(std::get<v1::Profile>(bare).profile_id(), "b");
  MITRA_ASSERT_OK_AND_ASSIGN(
      const Row evidence,
      ParseJsonRow(R"( { "evidence" : {"author_id":"a"} } )"));
  EXPECT_EQ(std::get<v1::Evidence>(evidence).author_id(), "a");
}

TEST(JsonRowTest, NamesWhatItDoesNotKnow) {
  EXPECT_THAT(ParseJsonRow(R"({"profile":{"nmae":"x"}})").status().message(),
              HasSubstr("nmae"));
  EXPECT_FALSE(ParseJsonRow(R"({"profile":{"kind":"SHOP"}})").ok());
  EXPECT_FALSE(ParseJsonRow("{").ok());
  EXPECT_FALSE(ParseJsonRow("[]").ok());
}

TEST(JsonRowTest, NamesTheByteThatIsNotUtf8AndDoesNotRepeatIt) {
  for (const char* bad : {"\xc3\x28", "\xed\xa0\x80", "\xc0\xaf", "\x93"}) {
    const absl::Status status =
        ParseJsonRow(absl::StrCat(R"({"profile":{"about":"ab)", bad, R"("}})"))
            .status();
    EXPECT_THAT(status, NamesField("byte 24"));
    EXPECT_EQ(std::string(status.message()).find(bad), std::string::npos);
  }
  MITRA_ASSERT_OK_AND_ASSIGN(
      const Row row, ParseJsonRow(R"({"profile":{"about":"kopi ☕ 😀"}})"));
  EXPECT_EQ(std::get<v1::Profile>(row).about(), "kopi ☕ 😀");
}

TEST(CsvSchemaTest, NamesTheColumnThatIsNotUtf8) {
  MITRA_ASSERT_OK_AND_ASSIGN(
      const CsvSchema schema,
      CsvSchema::FromHeader({"profile_id", "display_name", "about"}, false));
  // "Café" as Windows-1252 has it.
  EXPECT_THAT(schema.ParseRecord({"a", "Caf\xe9", "x"}),
              NamesField("column 2 (display_name)"));
  EXPECT_THAT(CsvSchema::FromHeader({"profile_id", "n\xe9"}, false),
              NamesField("column 2"));
  MITRA_ASSERT_OK_AND_ASSIGN(const Row row,
                             schema.ParseRecord({"a", "Café ☕ 😀", "x"}));
  EXPECT_EQ(std::get<v1::Profile>(row).display_name(), "Café ☕ 😀");
}

TEST(CsvSchemaTest, ReadsProfilesWithColumnsInAnyOrder) {
  MITRA_ASSERT_OK_AND_ASSIGN(
      const CsvSchema schema,
      CsvSchema::FromHeader({"needs", "profile_id", "kind", "role", "sectors"},
                            false));
  MITRA_ASSERT_OK_AND_ASSIGN(
      const Row row,
      schema.ParseRecord({"raw_material: tepung; mentoring", "a", "business",
                          "ROLE_BUSINESS", "10710; 56102"}));
  const auto& profile = std::get<v1::Profile>(row);
  EXPECT_EQ(profile.kind(), v1::MEMBER_KIND_BUSINESS);
  EXPECT_EQ(profile.sectors_size(), 2);
  ASSERT_EQ(profile.facets(0).needs_size(), 2);
  EXPECT_EQ(profile.facets(0).needs(0).text(), "tepung");
}

TEST(CsvSchemaTest, NamesUnknownColumnsWordsAndShortRows) {
  EXPECT_THAT(CsvSchema::FromHeader({"profile_id", "colour"}, false),
              NamesField("colour"));
  EXPECT_THAT(CsvSchema::FromHeader({"kind"}, false), NamesField("profile_id"));
  MITRA_ASSERT_OK_AND_ASSIGN(
      const CsvSchema schema,
      CsvSchema::FromHeader({"profile_id", "role"}, false));
  EXPECT_THAT(schema.ParseRecord({"a", "mentror"}), NamesField("role"));
  EXPECT_THAT(schema.ParseRecord({"a"}), NamesField("row"));
}

}  // namespace
}  // namespace mitra::cli
