#include "services/matching/refresh/place_fitting.h"

#include <cmath>

#include "common/base/random.h"
#include "gtest/gtest.h"
#include "services/matching/allocation/market_measures.h"
#include "services/matching/allocation/pair_lists.h"

namespace mitra::matching {
namespace {

// Everybody knows everybody; the first are liked best by all.
struct Fame {
  Fame(uint32_t lefts, uint32_t rights) : begin{0} {
    Random random(11);
    for (uint32_t l = 0; l < lefts; ++l) {
      for (uint32_t r = 0; r < rights; ++r) {
        right.push_back(r);
        key.push_back(static_cast<float>(-.2 * r + random.Double()));
      }
      begin.push_back(static_cast<uint32_t>(right.size()));
    }
  }
  PlaceLists lists() const { return {begin, right, key}; }

  double Gini(const std::vector<double>& prices) const {
    std::vector<CandidatePair> pairs;
    std::vector<double> keys;
    for (uint32_t l = 0; l + 1 < begin.size(); ++l) {
      for (uint32_t p = begin[l]; p < begin[l + 1]; ++p) {
        pairs.push_back({l, right[p], key[p]});
        keys.push_back(key[p] + prices[right[p]]);
      }
    }
    const auto sparse =
        *PairLists::Sparse(static_cast<uint32_t>(begin.size() - 1),
                           static_cast<uint32_t>(prices.size()), pairs);
    return GiniCoefficient(ExposureOfRight(sparse, RanksOfLeft(sparse, keys)));
  }

  std::vector<uint32_t> begin, right;
  std::vector<float> key;
};

TEST(PlaceFittingTest, SpreadsLooksOverThoseWhoHaveSeats) {
  const Fame fame(200, 20);
  const std::vector<double> seats(20, 1);
  std::vector<double> prices(20, 0);
  const double before = fame.Gini(prices);
  FitPricesToPlaces(fame.lists(), seats, {.step = .3}, absl::MakeSpan(prices));
  EXPECT_LT(fame.Gini(prices), .3 * before);
  EXPECT_LT(prices[0], prices[19]) << "the famous are dear";
}

TEST(PlaceFittingTest, WhoHasMoreSeatsGetsMoreLooks) {
  const Fame fame(200, 10);
  std::vector<double> seats(10, 1);
  seats[9] = 5;
  std::vector<double> prices(10, 0);
  FitPricesToPlaces(fame.lists(), seats, {.step = .3}, absl::MakeSpan(prices));
  for (int r = 0; r < 9; ++r) EXPECT_GT(prices[9], prices[r]);
}

TEST(PlaceFittingTest, IsTheSameForAnyNumberOfThreads) {
  const Fame fame(9000, 12);  // more than two blocks
  const std::vector<double> seats(12, 2);
  std::vector<double> one(12, 0), three(12, 0);
  FitPricesToPlaces(fame.lists(), seats, {.rounds = 5, .step = .3},
                    absl::MakeSpan(one));
  FitPricesToPlaces(fame.lists(), seats,
                    {.rounds = 5, .step = .3, .threads = 3},
                    absl::MakeSpan(three));
  EXPECT_EQ(one, three);
}

TEST(PlaceFittingTest, WhoHasNoSeatKeepsItsPrice) {
  const Fame fame(50, 3);
  std::vector<double> prices = {-INFINITY, 0, 0};
  FitPricesToPlaces(fame.lists(), std::vector<double>{0, 1, 1}, {},
                    absl::MakeSpan(prices));
  EXPECT_EQ(prices[0], -INFINITY);
  std::vector<double> nobody = {1, 2, 3};
  FitPricesToPlaces(fame.lists(), std::vector<double>{0, 0, 0}, {},
                    absl::MakeSpan(nobody));
  EXPECT_EQ(nobody, (std::vector<double>{1, 2, 3}));
  FitPricesToPlaces({}, {}, {}, {});
}

}  // namespace
}  // namespace mitra::matching
