#include "services/matching/learning/exposure_bias.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::matching {
namespace {

Outcome Seen(uint32_t position, bool wanted, bool randomised = true) {
  Outcome outcome;
  outcome.position = position;
  outcome.randomised = randomised;
  outcome.pair.answer = wanted ? Answer::kMatch : Answer::kNotWanted;
  return outcome;
}

// Everybody is wanted by half of those who look.
std::vector<Outcome> Slates(const std::vector<double>& looked_at, int times) {
  Random random(3);
  std::vector<Outcome> outcomes;
  for (int i = 0; i < times; ++i) {
    for (uint32_t place = 0; place < looked_at.size(); ++place) {
      outcomes.push_back(Seen(place, random.Chance(looked_at[place] / 2)));
    }
  }
  return outcomes;
}

TEST(PlaceChancesTest, AreMeasuredWhereChanceHasDrawn) {
  const std::vector<double> truth = {1, .8, .5, .5, .2};
  const PlaceChances chances = ChancesOf(Slates(truth, 5000));
  EXPECT_TRUE(chances.measured);
  for (size_t place = 0; place < truth.size(); ++place) {
    EXPECT_NEAR(chances.seen[place], truth[place], .05) << place;
  }
  for (size_t place = 1; place < chances.seen.size(); ++place) {
    EXPECT_LE(chances.seen[place], chances.seen[place - 1]);
  }
}

TEST(PlaceChancesTest, AreTheUsualOnesWhereNothingWasDrawn) {
  std::vector<Outcome> outcomes = Slates({1, .8}, 1000);
  for (Outcome& outcome : outcomes) outcome.randomised = false;
  const PlaceChances chances = ChancesOf(outcomes);
  EXPECT_FALSE(chances.measured);
  EXPECT_DOUBLE_EQ(chances.seen[0], 1);
  EXPECT_NEAR(chances.seen[1], 1 / 1.585, 1e-3);
}

TEST(DebiasTest, LaterPlacesCountMore) {
  std::vector<Outcome> outcomes = {Seen(0, true, false), Seen(9, true, false),
                                   Seen(9, true, false)};
  outcomes[2].has_propensity = true;
  outcomes[2].pair.weight = 2;
  Debias(ChancesOf({}), 0, absl::MakeSpan(outcomes));
  EXPECT_DOUBLE_EQ(outcomes[0].pair.weight, 1);
  EXPECT_NEAR(outcomes[1].pair.weight, 3.46, .01);
  EXPECT_DOUBLE_EQ(outcomes[2].pair.weight, 2) << "its own is known";
}

TEST(DebiasTest, WhoIsEverywhereCountsLessEachTime) {
  std::vector<Outcome> outcomes;
  for (int i = 0; i < 9; ++i) {
    outcomes.emplace_back().candidate = "star";
  }
  outcomes.emplace_back().candidate = "other";
  outcomes.emplace_back();
  Debias(ChancesOf({}), 1, absl::MakeSpan(outcomes));
  EXPECT_NEAR(outcomes[0].pair.weight, 5. / 9, 1e-9);
  EXPECT_NEAR(outcomes[9].pair.weight, 5, 1e-9);
  EXPECT_DOUBLE_EQ(outcomes[10].pair.weight, 1) << "nobody is named";
}

}  // namespace
}  // namespace mitra::matching
