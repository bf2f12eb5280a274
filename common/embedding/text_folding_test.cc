#include "common/embedding/text_folding.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::embedding {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(TextFoldingTest, SplitsAndLowersAscii) {
  EXPECT_THAT(FoldWords("Tepung TERIGU, 25kg/sak; (murah)"),
              ElementsAre("tepung", "terigu", "25kg", "sak", "murah"));
  EXPECT_THAT(FoldWords(""), IsEmpty());
  EXPECT_THAT(FoldWords(" \t\r\n.,-"), IsEmpty());
}

TEST(TextFoldingTest, FoldsAccentsWidthsAndLigatures) {
  EXPECT_THAT(FoldWords("Café CAFÉ cafe\u0301"),
              ElementsAre("cafe", "cafe", "cafe"));
  EXPECT_THAT(FoldWords("ＫＯＰＩ ﬁlter Straße"),
              ElementsAre("kopi", "filter", "strasse"));
  EXPECT_THAT(FoldWords("kopi–susu“enak”\u00a0sekali"),
              ElementsAre("kopi", "susu", "enak", "sekali"));
  EXPECT_THAT(FoldWords("roti🍞manis"), ElementsAre("roti", "manis"));
}

TEST(TextFoldingTest, KeepsWordsOfOtherScripts) {
  EXPECT_THAT(FoldWords("Привет МИР"), ElementsAre("привет", "мир"));
  EXPECT_THAT(FoldWords("ꦲꦏ꧀ꦱꦫ ٣"), ElementsAre("ꦲꦏ꧀ꦱꦫ", "٣"));
}

TEST(TextFoldingTest, DropsApostrophesInsideWordsOnly) {
  EXPECT_THAT(FoldWords("Ma'ruf Jum’at 'kutip' ’kutip’ 5'10"),
              ElementsAre("maruf", "jumat", "kutip", "kutip", "5", "10"));
}

TEST(TextFoldingTest, AsciiAndUnicodePathsAgree) {
  // The same words once alone and once in a run that ICU must fold.
  for (const absl::string_view text :
       {"Ma'ruf,Kue-Kering", "a''b", "x'", "5'a", "a'5", "A1.B2"}) {
    std::vector<std::string> expected = FoldWords(text);
    expected.emplace_back("e");
    EXPECT_EQ(FoldWords(absl::StrCat(text, "/é")), expected) << text;
  }
}

TEST(TextFoldingTest, TreatsBadUtf8AsASeparator) {
  EXPECT_THAT(FoldWords("roti\xff\xfe"
                        "kue"),
              ElementsAre("roti", "kue"));
  EXPECT_THAT(FoldWords("caf\xc3"), ElementsAre("caf"));
  EXPECT_THAT(FoldWords("\xed\xa0\x80"), IsEmpty());  // a lone surrogate
}

TEST(TextFoldingTest, SurvivesRandomBytesWithBoundedWords) {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 120, '\0');
    for (char& c : text) c = static_cast<char>(random());
    for (const std::string& word : FoldWords(text)) {
      ASSERT_GT(word.size(), 0u);
      ASSERT_LE(word.size(), 48u);
      // A word is stable: folding it again gives it back.
      ASSERT_THAT(FoldWords(word), ElementsAre(word)) << "round " << round;
    }
  }
}

TEST(TextFoldingTest, CutsLongWordsAtACharacter) {
  EXPECT_THAT(FoldWords(absl::StrCat(std::string(500, 'a'), " b")),
              ElementsAre(std::string(48, 'a'), "b"));
  std::string wide = "x";
  for (int i = 0; i < 100; ++i) wide += "я";
  std::string cut = "x";
  for (int i = 0; i < 23; ++i) cut += "я";
  EXPECT_THAT(FoldWords(wide), ElementsAre(cut));
}

TEST(TextFoldingTest, KnowsStopWords) {
  EXPECT_TRUE(IsStopWord("yang"));
  EXPECT_TRUE(IsStopWord("the"));
  EXPECT_FALSE(IsStopWord("tepung"));
  EXPECT_FALSE(IsStopWord(""));
}

TEST(TextFoldingTest, StemsSoThatRelatedFormsMeet) {
  EXPECT_EQ(LightStem("pertanian"), "tani");
  EXPECT_EQ(LightStem("makanannya"), "makan");
  EXPECT_EQ(LightStem("perkebunan"), LightStem("berkebun"));
  EXPECT_EQ(LightStem("pengolahan"), LightStem("mengolah"));
  EXPECT_EQ(LightStem("pemotongan"), LightStem("memotong"));
  EXPECT_EQ(LightStem("penanaman"), LightStem("menanam"));
}

TEST(TextFoldingTest, LeavesShortAndForeignWordsAlone) {
  for (const absl::string_view word :
       {"", "kue", "beras", "ikan", "25kg", "привет", "tepung"}) {
    EXPECT_EQ(LightStem(word), word);
  }
}

}  // namespace
}  // namespace mitra::embedding
