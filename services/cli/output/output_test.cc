// What people see.

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/cli/output/progress.h"
#include "services/cli/output/style.h"
#include "services/cli/output/table.h"

namespace mitra::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(StyleTest, WhatAFileHoldsDoesNoHarmToATerminal) {
  EXPECT_EQ(Printable("kopi ☕ é 😀"), "kopi ☕ é 😀");
  EXPECT_EQ(Printable("a\n\tb\x1b[2J\x07"), "a  b?[2J?");
  EXPECT_EQ(Printable("Caf\xe9"), "Caf\xEF\xBF\xBD");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m"),
            "?31m");
  EXPECT_EQ(Printable("a\u202e cba \u2066x\u2069\u2028y \u200f\u2013"),
            "a? cba ?x? y \u200f\u2013");
}

TEST(TextWidthTest, CountsColumnsOfWideAndCombiningCharacters) {
  EXPECT_EQ(DisplayWidth("kopi"), 4u);
  EXPECT_EQ(DisplayWidth("é"), 1u);
  EXPECT_EQ(DisplayWidth("e\xcc\x81"), 1u);
  EXPECT_EQ(DisplayWidth("日本"), 4u);
  EXPECT_EQ(DisplayWidth("한글"), 4u);
  EXPECT_EQ(DisplayWidth("ᄒ\u1161\u11ab"), 2u) << "one syllable in parts";
  EXPECT_EQ(DisplayWidth("นำ้"), 2u) << "marks above and below";
  EXPECT_EQ(DisplayWidth("ก\u0e34"), 1u);
  EXPECT_EQ(DisplayWidth("a\u200b\u200db"), 2u);
  EXPECT_EQ(DisplayWidth("☕"), 2u);
  EXPECT_EQ(DisplayWidth("❤"), 1u);
  EXPECT_EQ(DisplayWidth("❤\ufe0f"), 2u);
  EXPECT_EQ(DisplayWidth("\xe9"), 1u) << "a bad byte";
}

TEST(TextWidthTest, CutsBetweenCharactersAndTheirMarks) {
  EXPECT_EQ(FitWidth("Koperasi", 5), "Kope…");
  EXPECT_EQ(FitWidth("日本語", 4), "日…");
  EXPECT_EQ(FitWidth("ae\xcc\x81iou", 3), "ae\xcc\x81…");
  EXPECT_EQ(FitWidth("x", 0), "");
}

TEST(TextWidthTest, BreaksLongWordsAndLosesNothing) {
  EXPECT_THAT(WrapText("Warung kopi-dan-roti-bakar di Solo", 10),
              ElementsAre("Warung", "kopi-dan-r", "oti-bakar", "di Solo"));
  EXPECT_THAT(WrapText("日本語の店", 5), ElementsAre("日本", "語の", "店"));
  EXPECT_THAT(WrapText("", 5), ElementsAre(""));
  EXPECT_THAT(WrapText("日本", 1), ElementsAre("日", "本"))
      << "ends even where nothing fits";
}

TEST(ParagraphTest, HangsAndIsHarmless) {
  EXPECT_EQ(Paragraph("1. Ajak Bu Tini\n\x1b[2J ke pasar", 3, 14),
            "1. Ajak Bu\n   Tini ?[2J\n   ke pasar\n");
  EXPECT_EQ(Paragraph("", 2, 40), "\n");
}

std::vector<std::string> LinesOf(const Table& table, size_t width) {
  return absl::StrSplit(table.Render(width), '\n');
}

// Names as the world has them; ids of every length that the grammar allows.
Table WorldlyTable() {
  Table table({"#", "nama", "id", "peran", "wilayah", "skor"});
  table.KeepWhole({"id"});
  const std::string names[] = {
      "Roti Siti",
      std::string(300, 'n'),
      "株式会社日本食品加工センター東京本店",
      "مخبز السعادة للحلويات الشرقية والغربية",
      "👩‍🍳 Dapur Bu Tini 🍛🍛🍛🍛🍛🍛🍛🍛🍛🍛",
      "e\xcc\x81\xcc\x82\xcc\x83\xcc\x84 bertumpuk",
      "baris\nbaru\tdan \x1b[31mmerah",
      "",
  };
  int row = 0;
  for (const std::string& name : names) {
    const auto length = static_cast<size_t>(1 + row * 9);
    table.AddRow({absl::StrCat(++row), name, std::string(length, 'x'),
                  "pelaku usaha", "Kota Surakarta", "0.613"});
    table.AddNote(absl::StrCat("• catatan ", name));
  }
  return table;
}

TEST(TableTest, NoLineIsWiderThanTheTerminal) {
  const Table table = WorldlyTable();
  for (const size_t width : {40u, 60u, 80u, 100u, 200u}) {
    for (const std::string& line : LinesOf(table, width)) {
      // A line that is nothing but an id is whole.
      if (line.find_first_not_of('x') == std::string::npos) continue;
      EXPECT_LE(DisplayWidth(line), width) << width << ": " << line;
      EXPECT_EQ(line.find('\x1b'), std::string::npos);
    }
  }
}

TEST(TableTest, IdsAndFiguresAreNeverCut) {
  const Table table = WorldlyTable();
  for (const size_t width : {40u, 60u, 80u, 100u, 200u}) {
    const std::string out = table.Render(width);
    size_t figures = 0;
    for (size_t at = 0; (at = out.find("0.613", at)) != std::string::npos;
         ++at) {
      ++figures;
    }
    EXPECT_EQ(figures, 8u) << width;
    std::multiset<size_t> ids;
    for (const absl::string_view word :
         absl::StrSplit(out, absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
      if (word.find_first_not_of('x') == absl::string_view::npos) {
        ids.insert(word.size());
      }
    }
    EXPECT_THAT(ids, ElementsAre(1, 10, 19, 28, 37, 46, 55, 64)) << width;
  }
}

TEST(TableTest, RowsBecomeLinesWhereColumnsDoNotFit) {
  Table table({"nama", "id", "wilayah", "skor"});
  table.KeepWhole({"id"});
  table.AddRow({"Roti Siti Makmur yang sangat panjang namanya", "umkm-000123",
                "Laweyan, Kota Surakarta", "0.61"});
  table.AddRow({"Kopi", std::string(40, 'k'), "", "0.60"});
  table.AddNote("Mencari mentor.");
  EXPECT_EQ(table.Render(40),
            "nama     Roti Siti Makmur yang sangat\n"
            "         panjang namanya\n"
            "id       umkm-000123\n"
            "wilayah  Laweyan, Kota Surakarta\n"
            "skor     0.61\n"
            "\n"
            "nama     Kopi\n"
            "id       \n" +
                std::string(40, 'k') +
                "\n"
                "skor     0.60\n"
                "      Mencari mentor.\n");
  EXPECT_THAT(LinesOf(table, 80)[1],
              AllOf(StartsWith("Roti Siti"), HasSubstr("…"),
                    HasSubstr("umkm-000123"), EndsWith("0.61")));
}

TEST(ProgressTest, TellsShareRateAndTimeLeft) {
  EXPECT_EQ(
      Progress::Render("import", "rows", 50, 100, absl::Seconds(10), false),
      "import:  50 % 50/100 rows, 5/s, 10 s left");
  EXPECT_EQ(Progress::Render("import", "rows", 7, 0, absl::Seconds(1), true),
            "import: 7 rows, 7/s");
}

}  // namespace
}  // namespace mitra::cli
