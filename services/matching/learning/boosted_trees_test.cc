#include "services/matching/learning/boosted_trees.h"

#include <cmath>
#include <vector>

#include "common/base/random.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/learning/calibration.h"

namespace mitra::matching {
namespace {

// Yes where both numbers are high or both low; the third says nothing.
Examples BothOrNeither(size_t n, uint64_t seed) {
  Random random(seed);
  Examples examples(3);
  for (size_t i = 0; i < n; ++i) {
    const float row[] = {static_cast<float>(random.Normal()),
                         static_cast<float>(random.Normal()),
                         static_cast<float>(random.Normal())};
    const bool yes = (row[0] > 0) == (row[1] > 0);
    examples.Add(row, random.Chance(.1) ? !yes : yes);
  }
  return examples;
}

template <typename Model>
double AucOf(const Model& model, const Examples& asked) {
  std::vector<Judged> judged;
  for (size_t i = 0; i < asked.size(); ++i) {
    judged.push_back({model.LogOdds(asked.row(i)), asked.target(i)});
  }
  return AreaUnderRoc(std::move(judged));
}

TEST(BoostedTreesTest, SaysWhatALogisticCannot) {
  const Examples known = BothOrNeither(4000, 1);
  const Examples asked = BothOrNeither(2000, 2);
  MITRA_ASSERT_OK_AND_ASSIGN(const LogisticModel logistic, FitLogistic(known));
  MITRA_ASSERT_OK_AND_ASSIGN(const BoostedTrees trees, FitTrees(known));
  EXPECT_LT(AucOf(logistic, asked), .56);
  EXPECT_GT(AucOf(trees, asked), .85);
}

TEST(BoostedTreesTest, GivesTheBaseRateWhereNothingTells) {
  Examples examples(1);
  const float same[] = {3};
  for (int i = 0; i < 400; ++i) examples.Add(same, i % 4 == 0);
  MITRA_ASSERT_OK_AND_ASSIGN(const BoostedTrees trees, FitTrees(examples));
  EXPECT_NEAR(1 / (1 + std::exp(-trees.LogOdds(same))), .25, 1e-3);
}

TEST(BoostedTreesTest, AWeightCountsAsThatManyExamples) {
  const Examples once = BothOrNeither(1000, 3);
  Examples twice(3), weighed(3);
  for (size_t i = 0; i < once.size(); ++i) {
    const double times = i % 3 == 0 ? 2 : 1;
    for (int t = 0; t < times; ++t) twice.Add(once.row(i), once.target(i));
    weighed.Add(once.row(i), once.target(i), times);
  }
  BoostingOptions options;
  options.min_examples = 1;
  options.quantiles = 2;
  options.rounds = 1;
  MITRA_ASSERT_OK_AND_ASSIGN(const BoostedTrees a, FitTrees(twice, options));
  MITRA_ASSERT_OK_AND_ASSIGN(const BoostedTrees b, FitTrees(weighed, options));
  EXPECT_NEAR(a.bias, b.bias, 1e-12);
}

TEST(BoostedTreesTest, TheSameExamplesGiveTheSameTrees) {
  const Examples examples = BothOrNeither(500, 4);
  MITRA_ASSERT_OK_AND_ASSIGN(const BoostedTrees a, FitTrees(examples));
  MITRA_ASSERT_OK_AND_ASSIGN(const BoostedTrees b, FitTrees(examples));
  for (size_t i = 0; i < examples.size(); ++i) {
    EXPECT_EQ(a.LogOdds(examples.row(i)), b.LogOdds(examples.row(i)));
  }
}

TEST(BoostedTreesTest, RefusesWhatTeachesNothing) {
  Examples one_sided(1);
  const float row[] = {1};
  for (int i = 0; i < 100; ++i) one_sided.Add(row, 1);
  EXPECT_THAT(FitTrees(one_sided).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  BoostingOptions bad;
  bad.rounds = 0;
  bad.step = NAN;
  bad.quantiles = 1000;
  EXPECT_THAT(FitTrees(BothOrNeither(100, 5), bad).status(),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace mitra::matching
