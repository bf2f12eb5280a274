#include "services/matching/explain/catalogue.h"

#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::matching {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::multiset<std::string> Placeholders(absl::string_view text) {
  std::multiset<std::string> names;
  while (true) {
    const size_t open = text.find('{');
    if (open == absl::string_view::npos) return names;
    const size_t close = text.find('}', open);
    EXPECT_NE(close, absl::string_view::npos) << text;
    if (close == absl::string_view::npos) return names;
    names.insert(std::string(text.substr(open + 1, close - open - 1)));
    text.remove_prefix(close + 1);
  }
}

class EveryPhraseTest : public testing::TestWithParam<int> {};

TEST_P(EveryPhraseTest, IsWholeInBothLanguages) {
  const Phrase phrase = static_cast<Phrase>(GetParam());
  const absl::string_view id = Template(Language::kIndonesian, phrase);
  const absl::string_view en = Template(Language::kEnglish, phrase);

  EXPECT_THAT(id, Not(IsEmpty()));
  EXPECT_THAT(en, Not(IsEmpty()));
  EXPECT_NE(id, en);
  EXPECT_EQ(Placeholders(id), Placeholders(en)) << id;
  EXPECT_LE(id.size(), 160u);
  EXPECT_LE(en.size(), 160u);
}

TEST_P(EveryPhraseTest, LeavesNoPlaceholderBehind) {
  const Phrase phrase = static_cast<Phrase>(GetParam());
  for (const Language language : {Language::kIndonesian, Language::kEnglish}) {
    const std::string text = Say(language, phrase);
    EXPECT_THAT(text, Not(HasSubstr("{")));
    EXPECT_THAT(text, Not(HasSubstr("}")));
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryPhraseTest,
                         testing::Range(0, static_cast<int>(Phrase::kCount)));

TEST(SayTest, FillsByName) {
  EXPECT_EQ(Say(Language::kIndonesian, Phrase::kOfferMeetsNeed,
                {{"resource", "modal usaha"}, {"name", "Sari"}}),
            "Sari menawarkan modal usaha yang Anda cari.");
  EXPECT_EQ(Say(Language::kEnglish, Phrase::kOfferMeetsNeed,
                {{"name", "Sari"}, {"resource", "business capital"}}),
            "Sari offers business capital, which you are looking for.");
}

TEST(SayTest, TakesValuesThatLookLikePlaceholdersAsTheyAre) {
  EXPECT_EQ(Say(Language::kEnglish, Phrase::kDirectTie, {{"name", "{name}"}}),
            "You and {name} already know each other.");
}

TEST(WordsTest, AreThereForEveryValueInBothLanguages) {
  for (const Language language : {Language::kIndonesian, Language::kEnglish}) {
    for (int i = v1::Resource_MIN; i <= v1::Resource_MAX; ++i) {
      if (!v1::Resource_IsValid(i)) continue;
      EXPECT_FALSE(
          ResourceWord(language, static_cast<v1::Resource>(i)).empty());
    }
    for (int i = v1::NormKind_MIN; i <= v1::NormKind_MAX; ++i) {
      EXPECT_FALSE(NormWord(language, static_cast<v1::NormKind>(i)).empty());
    }
    std::set<absl::string_view> ties;
    for (int i = v1::EvidenceKind_MIN; i <= v1::EvidenceKind_MAX; ++i) {
      ties.insert(TieWord(language, static_cast<v1::EvidenceKind>(i)));
    }
    EXPECT_EQ(ties.size(), v1::EvidenceKind_MAX + 1u);
  }
}

TEST(WordsTest, UnknownValuesReadAsTheGeneralWord) {
  EXPECT_EQ(ResourceWord(Language::kEnglish, static_cast<v1::Resource>(99)),
            "help");
  EXPECT_EQ(LanguageWord(Language::kEnglish, "xx"), "");
}

TEST(EnumerateTest, JoinsAsPeopleDo) {
  EXPECT_EQ(Enumerate(Language::kEnglish, {"a"}), "a");
  EXPECT_EQ(Enumerate(Language::kEnglish, {"a", "b", "c"}), "a, b and c");
  EXPECT_EQ(Enumerate(Language::kIndonesian, {"a", "b"}), "a dan b");
}

TEST(ParseLanguageTest, KnowsTwoLanguages) {
  EXPECT_EQ(ParseLanguage(""), Language::kIndonesian);
  EXPECT_EQ(ParseLanguage("id"), Language::kIndonesian);
  EXPECT_EQ(ParseLanguage("en"), Language::kEnglish);
  EXPECT_EQ(ParseLanguage("fr"), std::nullopt);
}

}  // namespace
}  // namespace mitra::matching
