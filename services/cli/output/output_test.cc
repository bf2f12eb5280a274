// What people see.

#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "services/cli/output/progress.h"
#include "services/cli/output/style.h"
#include "services/cli/output/table.h"

namespace mitra::cli {
namespace {

TEST(StyleTest, WhatAFileHoldsDoesNoHarmToATerminal) {
  EXPECT_EQ(Printable("kopi ☕ é 😀"), "kopi ☕ é 😀");
  EXPECT_EQ(Printable("a\n\tb\x1b[2J\x07"), "a  b?[2J?");
  EXPECT_EQ(Printable("Caf\xe9"), "Caf\xEF\xBF\xBD");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m"),
            "?31m");
}

TEST(TableTest, CountsColumnsOfWideAndCombiningCharacters) {
  EXPECT_EQ(DisplayWidth("kopi"), 4u);
  EXPECT_EQ(DisplayWidth("é"), 1u);
  EXPECT_EQ(DisplayWidth("e\xcc\x81"), 1u);
  EXPECT_EQ(DisplayWidth("日本"), 4u);
  EXPECT_EQ(FitWidth("Koperasi", 5), "Kope…");
  EXPECT_EQ(FitWidth("日本語", 4), "日…");
}

TEST(TableTest, FitsANarrowTerminal) {
  Table table({"nama", "wilayah", "skor"});
  table.AddRow({"Roti Siti Makmur yang sangat panjang namanya",
                "Laweyan, Kota Surakarta, Jawa Tengah", "0.61"});
  table.AddNote("Menawarkan bimbingan usaha roti yang Anda cari sejak lama.");
  for (size_t width : {40u, 60u, 200u}) {
    for (const auto line : absl::StrSplit(table.Render(width), '\n')) {
      EXPECT_LE(DisplayWidth(line), width) << line;
    }
  }
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
