#include <map>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/member.pb.h"
#include "mitra/v1/profile.pb.h"
#include "services/search/lexical/lexical_index.h"
#include "services/search/lexical/lexical_terms.h"
#include "services/search/lexical/sector_terms.h"

namespace mitra::search {
namespace {

using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::SizeIs;

v1::Profile Offering(const std::string& offer, const std::string& sector = "") {
  v1::Profile profile;
  profile.add_facets()->add_offers()->set_text(offer);
  if (!sector.empty()) profile.add_sectors()->set_code(sector);
  return profile;
}

// Scores of profiles by their number.
std::map<uint32_t, float> Scores(const std::vector<v1::Profile>& profiles,
                                 const std::string& text) {
  LexicalIndex index;
  uint32_t number = 0;
  for (const v1::Profile& profile : profiles) {
    index.Add({number++, 1}, TextOf(profile));
  }
  std::map<uint32_t, float> scores;
  index.Freeze([](const LexicalDocument&) { return true; })
      .Search(LexicalQueryOf(text),
              [&](const LexicalDocument& document, float score, bool) {
                scores[document.member] = score;
              });
  return scores;
}

std::vector<uint32_t> Found(const std::vector<v1::Profile>& profiles,
                            const std::string& text) {
  std::vector<uint32_t> found;
  for (const auto& [number, score] : Scores(profiles, text)) {
    found.push_back(number);
  }
  return found;
}

TEST(LexicalTest, FindsAWordByItsRootAndByItsOtherForms) {
  EXPECT_THAT(
      Found({Offering("jasa pembatikan"), Offering("las besi")}, "batik"),
      ElementsAre(0));
  EXPECT_THAT(
      Found({Offering("memotong rambut"), Offering("las besi")}, "pemotongan"),
      ElementsAre(0));
}

TEST(LexicalTest, FindsWhatAThingIsOtherwiseCalledButTheWordItselfFirst) {
  auto scores = Scores({Offering("katering pesta"), Offering("catering pesta"),
                        Offering("las besi")},
                       "catering");
  EXPECT_THAT(scores, SizeIs(2));
  EXPECT_GT(scores[1], scores[0]);
  EXPECT_LT(scores[1], 1);
}

TEST(LexicalTest, WordsInARowStandAboveTheSameWordsApart) {
  auto scores = Scores({Offering("bakar ikan dan jual roti tawar"),
                        Offering("jual ikan dan roti bakar tawar")},
                       "roti bakar");
  EXPECT_GT(scores[1], scores[0]);
}

TEST(LexicalTest, TheFirstWordsOfALongTextSayMore) {
  std::string filler;
  for (int i = 0; i < 30; ++i) filler += " kata" + std::to_string(i);
  auto scores = Scores(
      {Offering("sepatu" + filler), Offering(filler + " sepatu")}, "sepatu");
  EXPECT_GT(scores[0], scores[1]);
}

TEST(LexicalTest, TitlesOfOthersFindTheTextThatMeansTheRest) {
  auto scores = Scores({Offering("pembuatan mesin cuci"),
                        Offering("pembuatan mesin yang belum tercakup")},
                       "Industri Mesin Lainnya");
  EXPECT_GT(scores[1], scores[0]);
}

// 10710 is "Industri Produk Roti dan Kue".
TEST(LexicalTest, IsFoundByTheNameOfItsDeclaredTrade) {
  EXPECT_THAT(
      Found({Offering("donat enak", "10710"), Offering("las besi")}, "roti"),
      ElementsAre(0));
}

TEST(LexicalTest, GuessesTheTradeOfWhoDeclaresNone) {
  const auto guesses = GuessSectors(
      TextOf(Offering("industri produk roti dan kue", "01111")).terms);
  ASSERT_THAT(guesses, SizeIs(5));
  EXPECT_EQ(taxonomy::SectorCodeAt(guesses[0].sector), "10710");
  EXPECT_GT(guesses[0].covered, guesses[4].covered);
  float sum = 0;
  for (size_t i = 0; i < guesses.size(); ++i) {
    EXPECT_GE(guesses[0].share, guesses[i].share);
    sum += guesses[i].share;
  }
  EXPECT_FLOAT_EQ(sum, 1);
  EXPECT_THAT(GuessSectors({}), IsEmpty());
}

TEST(LexicalTest, WhoReadsLikeATradeFindsWhoIsInIt) {
  const auto scores =
      Scores({Offering("donat enak", "10710"), Offering("donat enak", "47711")},
             "Industri Produk Roti dan Kue");
  ASSERT_TRUE(scores.contains(0));
  EXPECT_GT(scores.at(0), scores.contains(1) ? scores.at(1) : 0);
}

TEST(LexicalTest, TradesDoNotMakeATextLonger) {
  EXPECT_FLOAT_EQ(TextOf(Offering("donat enak", "10710")).length,
                  TextOf(Offering("donat enak", "01111")).length);
}

TEST(LexicalTest, ATermOfATradeIsWeakerEachLevelUp) {
  const auto terms = SectorTerms(taxonomy::SectorIndex("10710"));
  const auto industry = SectorTerms(taxonomy::SectorIndex("10"));
  ASSERT_THAT(terms, SizeIs(Ge(3u)));
  ASSERT_THAT(industry, SizeIs(Ge(1u)));
  EXPECT_THAT(SectorTerms(taxonomy::kNoSector), IsEmpty());
}

TEST(LexicalTest, AQueryWithoutWordsFindsNobody) {
  EXPECT_THAT(Found({Offering("roti")}, "!?"), IsEmpty());
  EXPECT_THAT(LexicalQueryOf("dan yang di").terms, IsEmpty());
}

TEST(PostingListTest, GivesBackWhatWasPutIn) {
  std::mt19937 random(3);
  std::vector<uint8_t> bytes;
  std::vector<std::vector<Posting>> lists;
  std::vector<size_t> starts;
  for (uint32_t widest : {1U, 5U, 200U, 70000U, 30000000U}) {
    std::vector<Posting>& list = lists.emplace_back();
    uint64_t document = random() % widest;
    for (int i = 0; i < 100; ++i) {
      list.push_back({static_cast<uint32_t>(document),
                      static_cast<uint8_t>(1 + random() % 255)});
      document += 1 + random() % widest;
    }
    starts.push_back(bytes.size());
    AppendPostings(list, bytes);
  }
  starts.push_back(bytes.size());
  lists.emplace_back();
  AppendPostings({}, bytes);
  for (size_t i = 0; i < lists.size(); ++i) {
    PostingReader reader(bytes.data() + starts[i]);
    ASSERT_EQ(reader.left(), lists[i].size());
    for (const Posting& want : lists[i]) {
      const Posting found = reader.Next();
      ASSERT_EQ(found.document, want.document);
      ASSERT_EQ(found.frequency, want.frequency);
    }
    EXPECT_EQ(reader.left(), 0U);
  }
  EXPECT_EQ(PostingReader().left(), 0U);
  // Neighbours take two bytes each.
  EXPECT_EQ(starts[1], 201U);
}

}  // namespace
}  // namespace mitra::search
