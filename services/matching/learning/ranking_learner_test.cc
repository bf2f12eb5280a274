#include "services/matching/learning/ranking_learner.h"

#include <cmath>
#include <random>

#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "services/matching/ranking/joint_utility.h"

namespace mitra::matching {
namespace {

double Sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

double Chance(std::mt19937& random) {
  return std::generate_canonical<double, 53>(random);
}

// Subjects want what is near, candidates accept whom they know.
std::vector<AnsweredPair> Network(int n, bool sides_known, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<AnsweredPair> pairs;
  for (int i = 0; i < n; ++i) {
    AnsweredPair pair;
    const double near = Chance(random), rated = Chance(random);
    pair.features.Set(Feature::kRegionProximity, static_cast<float>(near));
    pair.features.Set(Feature::kSubjectReputation, static_cast<float>(rated));
    const bool wanted = Sigmoid(.5 + 4 * (near - .35)) > Chance(random);
    const bool accepted = Sigmoid(-.5 + 5 * (rated - .4)) > Chance(random);
    pair.answer = wanted && accepted ? Answer::kMatch
                  : !sides_known     ? Answer::kMissed
                  : wanted           ? Answer::kDeclined
                                     : Answer::kNotWanted;
    pairs.push_back(pair);
  }
  return pairs;
}

TEST(LearnKindTest, FindsBothSidesFromTheirAnswers) {
  const auto kind = LearnKind(Network(30000, true, 1));

  MITRA_ASSERT_OK(kind.status());
  EXPECT_NEAR(kind->wants.bias, .5, .1);
  EXPECT_NEAR(kind->wants[Feature::kRegionProximity], 4, .25);
  EXPECT_EQ(kind->wants[Feature::kSubjectReputation], 0);
  EXPECT_NEAR(kind->accepts.bias, -.5, .1);
  EXPECT_NEAR(kind->accepts[Feature::kSubjectReputation], 5, .3);
  EXPECT_NEAR(kind->accepts[Feature::kRegionProximity], 0, .25);
  EXPECT_EQ(kind->wants[Feature::kCohesion], 0);
}

TEST(LearnKindTest, FindsBothSidesFromMatchesAlone) {
  LearnOptions options;
  options.wants = FeatureBit(Feature::kRegionProximity);
  options.accepts = FeatureBit(Feature::kSubjectReputation);
  options.rounds = 60;

  const auto kind = LearnKind(Network(40000, false, 2), options);

  MITRA_ASSERT_OK(kind.status());
  EXPECT_NEAR(kind->wants[Feature::kRegionProximity], 4, .6);
  EXPECT_NEAR(kind->accepts[Feature::kSubjectReputation], 5, .6);
}

TEST(LearnKindTest, ServesThroughTheJointUtility) {
  const std::vector<AnsweredPair> pairs = Network(20000, true, 3);
  const auto kind = LearnKind(pairs);
  MITRA_ASSERT_OK(kind.status());
  RankingProfile profile = RankingProfile::Default();
  profile.kinds[v1::RECOMMENDATION_KIND_MENTOR] = *kind;
  MITRA_ASSERT_OK(profile.Validate());
  const JointUtility utility(profile,
                             *FindKind(v1::RECOMMENDATION_KIND_MENTOR));

  double forecast = 0, matches = 0;
  for (const AnsweredPair& pair : pairs) {
    forecast += double{utility.Score(pair.features).match};
    matches += pair.answer == Answer::kMatch;
  }

  EXPECT_NEAR(forecast / matches, 1, .01);
}

TEST(LearnKindTest, CountsAnswersByWeight) {
  // Twice the weight is the pair twice.
  std::vector<AnsweredPair> pairs = Network(500, true, 4), doubled = pairs;
  for (size_t i = 0; i < pairs.size(); i += 3) {
    pairs[i].weight = 2;
    doubled.push_back(doubled[i]);
  }

  const auto a = LearnKind(pairs), b = LearnKind(doubled);

  MITRA_ASSERT_OK(a.status());
  MITRA_ASSERT_OK(b.status());
  EXPECT_NEAR(a->wants.bias, b->wants.bias, 1e-4);
  EXPECT_NEAR(a->accepts[Feature::kSubjectReputation],
              b->accepts[Feature::kSubjectReputation], 1e-4);
}

TEST(LearnKindTest, RefusesAnswersThatTeachNothing) {
  EXPECT_EQ(LearnKind({}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  const std::vector<AnsweredPair> yes(10, {FeatureVector(), Answer::kMatch});
  EXPECT_EQ(LearnKind(yes).status().code(),
            absl::StatusCode::kFailedPrecondition);
  LearnOptions options;
  options.wants = 0;
  EXPECT_EQ(LearnKind(Network(10, true, 5), options).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(CalibratedTest, UndoesOverconfidence) {
  KindWeights proud;
  proud.wants.bias = 2;
  proud.wants[Feature::kRegionProximity] = 12;
  proud.accepts.bias = -.5f;
  proud.accepts[Feature::kSubjectReputation] = 5;

  const KindWeights kind = Calibrated(proud, Network(30000, true, 6));

  EXPECT_NEAR(kind.wants.bias, .5, .1);
  EXPECT_NEAR(kind.wants[Feature::kRegionProximity], 4, .25);
  EXPECT_NEAR(kind.accepts.bias, -.5, .1);
}

TEST(CalibratedTest, LeavesASideAloneThatHasTooFewAnswers) {
  KindWeights weights;
  weights.wants.bias = 3;
  const KindWeights kind = Calibrated(weights, Network(10, true, 7));
  EXPECT_EQ(kind.wants.bias, 3);
}

}  // namespace
}  // namespace mitra::matching
