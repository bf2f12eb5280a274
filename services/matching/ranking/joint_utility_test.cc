#include "services/matching/ranking/joint_utility.h"

#include <cmath>
#include <limits>
#include <random>

#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::matching {
namespace {

const KindSpec& Kind(v1::RecommendationKind kind) { return *FindKind(kind); }

// A profile in which two features stand for the two sides' log odds.
RankingProfile TwoDials() {
  RankingProfile profile;
  profile.id = "dials";
  for (KindWeights& kind : profile.kinds) {
    kind.wants[Feature::kGiveSimilarity] = 1;
    kind.accepts[Feature::kTakeSimilarity] = 1;
  }
  return profile;
}

float LogOdds(float p) { return std::log(p / (1 - p)); }

FeatureVector Dials(float wants, float accepts) {
  const auto& info = AllFeatures();
  FeatureVector features;
  features.Set(Feature::kGiveSimilarity,
               LogOdds(wants) +
                   info[static_cast<int>(Feature::kGiveSimilarity)].neutral);
  features.Set(Feature::kTakeSimilarity,
               LogOdds(accepts) +
                   info[static_cast<int>(Feature::kTakeSimilarity)].neutral);
  return features;
}

FeatureVector RandomFeatures(std::mt19937& random, float scale) {
  std::uniform_real_distribution<float> value(-scale, scale);
  FeatureVector features;
  for (const FeatureInfo& info : AllFeatures()) {
    if (random() % 4 != 0) features.Set(info.feature, value(random));
  }
  return features;
}

TEST(JointUtilityTest, PrefersMutualInterestOverOneSidedInterest) {
  const RankingProfile profile = TwoDials();
  const JointUtility utility(profile, Kind(v1::RECOMMENDATION_KIND_MENTOR));

  const PairScore idol = utility.Score(Dials(.99f, .05f));
  const PairScore peer = utility.Score(Dials(.6f, .6f));

  EXPECT_NEAR(idol.wants, .99, 1e-4);
  EXPECT_NEAR(peer.match, .36, 1e-4);
  EXPECT_GT(peer.key, idol.key);
}

TEST(JointUtilityTest, KeyIsTheLogOfTheMatchAtTheDefaultTemperature) {
  const RankingProfile profile = TwoDials();
  const JointUtility utility(profile, Kind(v1::RECOMMENDATION_KIND_MENTOR));

  const PairScore score = utility.Score(Dials(.7f, .2f));

  EXPECT_NEAR(score.key, std::log(.14f), 1e-4);
}

TEST(JointUtilityTest, PriceMovesTheKeyAndNotTheScore) {
  const JointUtility utility(RankingProfile::Default(),
                             Kind(v1::RECOMMENDATION_KIND_MENTOR));
  const FeatureVector features;

  const PairScore plain = utility.Score(features);
  const PairScore wanted = utility.Score(features, -1.5f);
  const PairScore broken =
      utility.Score(features, std::numeric_limits<float>::quiet_NaN());

  EXPECT_FLOAT_EQ(wanted.match, plain.match);
  EXPECT_FLOAT_EQ(wanted.key, plain.key - 1.5f);
  EXPECT_FLOAT_EQ(broken.key, plain.key);
}

TEST(JointUtilityTest, SubjectWeightTiltsTheKey) {
  const RankingProfile profile = TwoDials();
  const KindSpec& kind = Kind(v1::RECOMMENDATION_KIND_MENTOR);
  const FeatureVector giver = Dials(.9f, .1f);
  const FeatureVector taker = Dials(.1f, .9f);

  const JointUtility mine(profile, kind, 1);
  const JointUtility theirs(profile, kind, 0);
  const JointUtility both(profile, kind, .6);

  EXPECT_GT(mine.Score(giver).key, mine.Score(taker).key);
  EXPECT_LT(theirs.Score(giver).key, theirs.Score(taker).key);
  EXPECT_NEAR(both.Score(giver).key, both.Score(taker).key, 1e-4);
}

TEST(JointUtilityTest, MissingSignalsAreNeutral) {
  const JointUtility utility(RankingProfile::Default(),
                             Kind(v1::RECOMMENDATION_KIND_PARTNER));
  FeatureVector ordinary;
  for (const FeatureInfo& info : AllFeatures()) {
    ordinary.Set(info.feature, info.neutral);
  }

  const PairScore unknown = utility.Score(FeatureVector());

  EXPECT_FLOAT_EQ(unknown.key, utility.Score(ordinary).key);
  for (const KeyTerm& term : utility.Terms(FeatureVector())) {
    if (term.name == "base" || term.name == "price") continue;
    EXPECT_TRUE(term.missing) << term.name;
    EXPECT_EQ(term.contribution, 0) << term.name;
  }
}

TEST(JointUtilityTest, EverythingIsFiniteWhateverTheFeatures) {
  std::mt19937 random(7);
  for (const KindSpec& kind : AllKinds()) {
    const JointUtility utility(RankingProfile::Default(), kind);
    for (const float scale : {1.f, 100.f, 1e30f}) {
      for (int i = 0; i < 200; ++i) {
        const PairScore score =
            utility.Score(RandomFeatures(random, scale), random() % 9 - 4.f);
        ASSERT_TRUE(std::isfinite(score.key));
        ASSERT_GT(score.wants, 0);
        ASSERT_LE(score.wants, 1);
        ASSERT_GT(score.accepts, 0);
        ASSERT_LE(score.accepts, 1);
        ASSERT_GE(score.match, 0);
        ASSERT_LE(score.match, 1);
      }
    }
  }
}

TEST(JointUtilityTest, TermsSumToTheKey) {
  std::mt19937 random(11);
  for (const KindSpec& kind : AllKinds()) {
    const JointUtility utility(RankingProfile::Default(), kind, .8);
    for (int i = 0; i < 100; ++i) {
      const FeatureVector features = RandomFeatures(random, 1);
      float sum = 0;
      for (const KeyTerm& term : utility.Terms(features, .3f)) {
        sum += term.contribution;
      }
      ASSERT_NEAR(sum, utility.Score(features, .3f).key, 1e-3);
    }
  }
}

TEST(JointUtilityTest, TrustAndReputationRaiseTheKeyInEveryKind) {
  for (const KindSpec& kind : AllKinds()) {
    const JointUtility utility(RankingProfile::Default(), kind);
    for (const Feature feature :
         {Feature::kTrust, Feature::kReputation, Feature::kGiveSimilarity,
          Feature::kTakeSimilarity, Feature::kNeedCovered,
          Feature::kRegionProximity, Feature::kSectorProximity}) {
      FeatureVector more;
      more.Set(feature, 1);
      EXPECT_GT(utility.Score(more).key, utility.Score(FeatureVector()).key)
          << kind.name << " " << AllFeatures()[static_cast<int>(feature)].name;
    }
  }
}

TEST(FeatureVectorTest, TakesValuesThatAreNotFiniteAsMissing) {
  FeatureVector features;
  features.Set(Feature::kTrust, std::numeric_limits<float>::infinity());
  features.Set(Feature::kReputation, std::nanf(""));

  EXPECT_TRUE(features.Missing(Feature::kTrust));
  EXPECT_TRUE(features.Missing(Feature::kReputation));
  EXPECT_TRUE(std::isfinite(features.Get(Feature::kTrust)));
}

TEST(RankingProfileTest, TheDefaultIsValid) {
  MITRA_EXPECT_OK(RankingProfile::Default().Validate());
}

TEST(JointUtilityTest, TiesCountAsTheSubjectsSectorSays) {
  RankingProfile profile = RankingProfile::Default();
  profile.id = "ties";
  const auto ties = [&](const std::string& sector, double strong, double weak) {
    profile.ties.push_back(
        {sector, taxonomy::SectorsUnder(sector), strong, weak});
  };
  ties("10", 2, .5);
  ties("1071", 0, 1);
  MITRA_ASSERT_OK(profile.Validate());
  const KindSpec& kind = Kind(v1::RECOMMENDATION_KIND_PARTNER);
  FeatureVector close;
  close.Set(Feature::kCohesion, .8f);
  FeatureVector trusted;
  trusted.Set(Feature::kTrust, 1);
  const auto of = [&](const char* sector, const FeatureVector& features,
                      Feature feature) {
    const std::vector<taxonomy::SectorNumber> sectors = {
        taxonomy::SectorIndex(sector), taxonomy::SectorIndex("01111")};
    return JointUtility(profile, kind, .6, sectors)
        .WantsTerm(features, feature);
  };
  const JointUtility plain(profile, kind);
  const float strong = plain.WantsTerm(close, Feature::kCohesion);
  const float weak = plain.WantsTerm(trusted, Feature::kTrust);
  ASSERT_GT(strong, 0);
  ASSERT_GT(weak, 0);

  EXPECT_FLOAT_EQ(of("10211", close, Feature::kCohesion), 2 * strong);
  EXPECT_FLOAT_EQ(of("10211", trusted, Feature::kTrust), weak / 2);
  EXPECT_EQ(of("10710", close, Feature::kCohesion), 0) << "the longest counts";
  EXPECT_FLOAT_EQ(of("56101", close, Feature::kCohesion), strong);
}

TEST(RankingProfileTest, NamesWhatIsWrong) {
  RankingProfile profile = RankingProfile::Default();
  profile.id = "has space";
  EXPECT_THAT(profile.Validate(), NamesField("id"));

  profile = RankingProfile::Default();
  profile.beta = 0;
  EXPECT_THAT(profile.Validate(), NamesField("beta"));

  profile = RankingProfile::Default();
  profile.kinds[3].accepts[Feature::kTrust] = std::nanf("");
  EXPECT_THAT(profile.Validate(), NamesField("kinds[3]"));

  profile = RankingProfile::Default();
  profile.newcomer_share = .9;
  profile.group_cap = -1;
  EXPECT_THAT(profile.Validate(), NamesField("newcomer_share"));
  EXPECT_THAT(profile.Validate(), NamesField("group_cap"));
}

TEST(RecommendationKindsTest, TheTableHasARowForEveryKind) {
  for (int i = 1; i <= v1::RecommendationKind_MAX; ++i) {
    const auto kind = static_cast<v1::RecommendationKind>(i);
    const KindSpec* spec = FindKind(kind);
    ASSERT_NE(spec, nullptr) << i;
    EXPECT_EQ(spec->kind, kind);
    EXPECT_NE(spec->candidate_roles, 0u);
    EXPECT_NE(spec->member_kinds, 0u);
    EXPECT_NE(spec->gives, 0u);
    EXPECT_FALSE(spec->name.empty());
  }
  EXPECT_EQ(FindKind(v1::RECOMMENDATION_KIND_UNSPECIFIED), nullptr);
  EXPECT_EQ(FindKind(static_cast<v1::RecommendationKind>(99)), nullptr);
}

}  // namespace
}  // namespace mitra::matching
