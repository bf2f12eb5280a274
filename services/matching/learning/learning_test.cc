#include <algorithm>
#include <cmath>
#include <random>

#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/learning/calibration.h"
#include "services/matching/learning/logistic.h"

namespace mitra::matching {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

double Sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

TEST(FitLogisticTest, FindsTheModelThatMadeTheAnswers) {
  // Columns of very different scale, as features have.
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  Examples examples(3);
  for (int i = 0; i < 40000; ++i) {
    const float x[] = {normal(random), 1000 * normal(random) + 5000,
                       normal(random) * .01F};
    const double z = -.7 + 1.5 * x[0] - .002 * (x[1] - 5000) + 0 * x[2];
    examples.Add(x, Sigmoid(z) > std::generate_canonical<double, 53>(random));
  }

  const auto model = FitLogistic(examples);

  MITRA_ASSERT_OK(model.status());
  EXPECT_THAT(model->weight,
              ElementsAre(DoubleNear(1.5, .06), DoubleNear(-.002, .0001),
                          DoubleNear(0, 4)));
  EXPECT_NEAR(model->bias, -.7 + .002 * 5000, .5);
}

TEST(FitLogisticTest, GivesTheBaseRateWithoutFeatures) {
  Examples examples(1);
  const float constant = 7;
  for (int i = 0; i < 10; ++i) examples.Add({&constant, 1}, i < 3);

  const auto model = FitLogistic(examples);

  MITRA_ASSERT_OK(model.status());
  EXPECT_EQ(model->weight[0], 0);
  EXPECT_NEAR(model->Probability({&constant, 1}), .3, 1e-6);
}

TEST(FitLogisticTest, CountsWeightsAndTargetsAsThatManyAnswers) {
  Examples single(1), weighted(1);
  for (int i = 0; i < 20; ++i) {
    const auto x = static_cast<float>(i % 2);
    const int yes = i % 2 == 0 ? 1 : 3;  // of 4
    for (int k = 0; k < 4; ++k) single.Add({&x, 1}, k < yes);
    weighted.Add({&x, 1}, yes / 4., 4);
  }

  const auto a = FitLogistic(single), b = FitLogistic(weighted);

  MITRA_ASSERT_OK(a.status());
  MITRA_ASSERT_OK(b.status());
  EXPECT_NEAR(a->weight[0], b->weight[0], 1e-5);
  EXPECT_NEAR(a->bias, b->bias, 1e-5);
}

TEST(FitLogisticTest, StaysFiniteWhereOneColumnTellsAll) {
  Examples examples(2);
  for (int i = 0; i < 100; ++i) {
    const float x[] = {static_cast<float>(i), static_cast<float>(2 * i)};
    examples.Add(x, i >= 50);
  }

  const auto model = FitLogistic(examples);

  MITRA_ASSERT_OK(model.status());
  const float low[] = {0, 0}, high[] = {99, 198};
  EXPECT_LT(model->Probability(low), .1);
  EXPECT_GT(model->Probability(high), .9);
  EXPECT_LT(std::abs(model->LogOdds(high)), 20);
}

TEST(FitLogisticTest, RefusesOneSidedAnswers) {
  Examples examples(1);
  EXPECT_EQ(FitLogistic(examples).status().code(),
            absl::StatusCode::kFailedPrecondition);
  const float x = 1;
  examples.Add({&x, 1}, 1);
  EXPECT_EQ(FitLogistic(examples).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(PlattTest, UndoesAStretchedScale) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  std::vector<Judged> items;
  for (int i = 0; i < 40000; ++i) {
    const double z = normal(random);
    const bool yes = Sigmoid(z) > std::generate_canonical<double, 53>(random);
    items.push_back({3 * z + 1, yes ? 1. : 0.});
  }

  const auto platt = FitPlatt(items);

  MITRA_ASSERT_OK(platt.status());
  EXPECT_NEAR(platt->slope, 1. / 3, .02);
  EXPECT_NEAR(platt->intercept, -1. / 3, .05);
}

TEST(PlattTest, RefusesScoresThatFallWithOutcomes) {
  EXPECT_FALSE(FitPlatt({{1, 0}, {2, 0}, {-1, 1}, {-2, 1}}).ok());
  EXPECT_FALSE(FitPlatt({{1, 1}, {2, 1}}).ok());
}

TEST(IsotonicTest, PoolsNeighboursThatFall) {
  // 1 at score 1 stands before 0 at 2: both become .5.
  const auto map =
      IsotonicCalibration::Fit({{0, 0}, {1, 1}, {2, 0}, {3, 1}, {4, 1}});

  MITRA_ASSERT_OK(map.status());
  EXPECT_NEAR(map->Of(-5), 0, 1e-5);
  EXPECT_NEAR(map->Of(1.5), .5, 1e-5);
  EXPECT_NEAR(map->Of(9), 1, 1e-5);
  double last = -1;
  for (double score = -3; score < 6; score += .25) {
    EXPECT_GT(map->Of(score), last) << score;
    last = map->Of(score);
    EXPECT_GT(last, 0);
    EXPECT_LT(last, 1);
  }
}

TEST(MeasuresTest, AreaCountsTiesHalf) {
  EXPECT_DOUBLE_EQ(AreaUnderRoc({{1, 0}, {2, 1}, {3, 0}, {4, 1}}), .75);
  EXPECT_DOUBLE_EQ(AreaUnderRoc({{1, 0}, {1, 1}}), .5);
  EXPECT_DOUBLE_EQ(AreaUnderRoc({{1, 1}}), .5);
}

TEST(MeasuresTest, NdcgSharesThePlacesOfTies) {
  EXPECT_DOUBLE_EQ(NdcgAt({{3, 1}, {2, 0}}, 10), 1);
  EXPECT_NEAR(NdcgAt({{3, 0}, {2, 1}}, 10), 1 / std::log2(3), 1e-12);
  EXPECT_NEAR(NdcgAt({{2, 0}, {2, 1}}, 10), (1 + 1 / std::log2(3)) / 2, 1e-12);
  EXPECT_DOUBLE_EQ(NdcgAt({{3, 0}, {2, 1}}, 1), 0);
}

TEST(MeasuresTest, CalibrationErrorIsTheGapOfForecasts) {
  std::vector<Judged> items;
  for (int i = 0; i < 1000; ++i) items.push_back({.6, i % 10 < 6 ? 1. : 0.});
  EXPECT_NEAR(CalibrationError(items), 0, 1e-9);
  for (Judged& item : items) item.score = .8;
  EXPECT_NEAR(CalibrationError(items), .2, 1e-9);
}

}  // namespace
}  // namespace mitra::matching
