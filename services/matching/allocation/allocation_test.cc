#include <algorithm>
#include <cmath>
#include <functional>

#include "common/base/random.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/matching/allocation/deferred_acceptance.h"
#include "services/matching/allocation/market_measures.h"
#include "services/matching/allocation/pair_lists.h"
#include "services/matching/allocation/symmetric_market.h"
#include "services/matching/allocation/transferable_utility.h"

namespace mitra::matching {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

constexpr MarketOptions kExact{
    .beta = .5, .max_sweeps = 100'000, .tolerance = 1e-13};

PairLists Make(absl::StatusOr<PairLists> lists) {
  EXPECT_TRUE(lists.ok()) << lists.status();
  return *std::move(lists);
}

MarketSolution Solve(const PairLists& pairs, const std::vector<double>& left,
                     const std::vector<double>& right,
                     const MarketOptions& options = kExact) {
  auto solution = SolveMarket(pairs, left, right, options);
  EXPECT_TRUE(solution.ok()) << solution.status();
  return *std::move(solution);
}

std::vector<CandidatePair> RandomPairs(Random& random, uint32_t lefts,
                                       uint32_t rights, double density,
                                       double spread) {
  std::vector<CandidatePair> pairs;
  for (uint32_t l = 0; l < lefts; ++l) {
    for (uint32_t r = 0; r < rights; ++r) {
      if (random.Chance(density)) {
        pairs.push_back(
            {l, r, static_cast<float>(spread * (random.Double() - .5))});
      }
    }
  }
  return pairs;
}

std::vector<double> RandomCapacities(Random& random, size_t n) {
  std::vector<double> capacity(n);
  for (double& c : capacity) c = static_cast<double>(random.Between(0, 4));
  return capacity;
}

TEST(PairListsTest, BothSidesReadTheSamePairs) {
  const auto lists =
      Make(PairLists::Sparse(3, 2, {{2, 1, 5}, {0, 1, 1}, {2, 0, 4}}));
  const auto complete = Make(PairLists::Complete(2, 2, {1, 2, 3, 4}));

  std::vector<float> of_left, of_right, of_complete;
  lists.OfLeft(
      2, [&](uint32_t, uint32_t p) { of_left.push_back(lists.utility(p)); });
  lists.OfRight(
      1, [&](uint32_t, uint32_t p) { of_right.push_back(lists.utility(p)); });
  complete.OfRight(1, [&](uint32_t, uint32_t p) {
    of_complete.push_back(complete.utility(p));
  });

  EXPECT_THAT(of_left, ElementsAre(4, 5));
  EXPECT_THAT(of_right, ElementsAre(1, 5));
  EXPECT_THAT(of_complete, ElementsAre(2, 4));
}

TEST(PairListsTest, RefusesWhatCannotBe) {
  EXPECT_FALSE(PairLists::Sparse(1, 1, {{1, 0, 0}}).ok());
  EXPECT_FALSE(PairLists::Sparse(1, 1, {{0, 0, NAN}}).ok());
  EXPECT_FALSE(PairLists::Sparse(1, 1, {{0, 0, INFINITY}}).ok());
  EXPECT_FALSE(PairLists::Sparse(1, 1, {{0, 0, 1}, {0, 0, 1}}).ok());
  EXPECT_FALSE(PairLists::Complete(2, 2, {1, 2, 3}).ok());
  EXPECT_FALSE(PairLists::OnePopulation(2, {{1, 1, 0}}).ok());
  EXPECT_FALSE(PairLists::OnePopulation(2, {{0, 1, 0}, {1, 0, 0}}).ok());
}

// With one pair of capacity 1 on both sides A = B and A^2 + K A^2 = 1.
TEST(SolveMarketTest, OnePairHasTheClosedForm) {
  for (const float utility : {-3.F, 0.F, 2.F, 9.F}) {
    const auto pairs = Make(PairLists::Sparse(1, 1, {{0, 0, utility}}));

    const auto solution = Solve(pairs, {1}, {1});

    const double k = std::exp(utility / (2 * kExact.beta));
    EXPECT_NEAR(solution.matches[0], k / (1 + k), 1e-6);
    EXPECT_NEAR(solution.free_left[0], 1 / (1 + k), 1e-6);
    EXPECT_NEAR(solution.log_price_right[0], -.5 * std::log(1 + k), 1e-9);
  }
}

TEST(SolveMarketTest, EqualsTheTextbookFormWhereThatIsExact) {
  Random random(3);
  const auto pairs =
      Make(PairLists::Sparse(9, 7, RandomPairs(random, 9, 7, 1, 3)));
  std::vector<double> a(9, 1), b(7, 1);
  const auto k = [&](uint32_t p) {
    return std::exp(pairs.utility(p) / (2 * kExact.beta));
  };
  for (int sweep = 0; sweep < 20'000; ++sweep) {
    for (uint32_t l = 0; l < 9; ++l) {
      double s = 0;
      pairs.OfLeft(l, [&](uint32_t r, uint32_t p) { s += .5 * k(p) * b[r]; });
      a[l] = std::sqrt(2 + s * s) - s;
    }
    for (uint32_t r = 0; r < 7; ++r) {
      double s = 0;
      pairs.OfRight(r, [&](uint32_t l, uint32_t p) { s += .5 * k(p) * a[l]; });
      b[r] = std::sqrt(3 + s * s) - s;
    }
  }

  const auto solution =
      Solve(pairs, std::vector<double>(9, 2), std::vector<double>(7, 3));

  EXPECT_TRUE(solution.converged);
  for (uint32_t l = 0; l < 9; ++l) {
    EXPECT_NEAR(solution.log_price_left[l], std::log(a[l]), 1e-8);
  }
  for (uint32_t r = 0; r < 7; ++r) {
    EXPECT_NEAR(solution.log_price_right[r], std::log(b[r]), 1e-8);
  }
}

TEST(SolveMarketTest, NobodyIsPromisedMoreThanTheirPlaces) {
  Random random(4);
  for (int round = 0; round < 40; ++round) {
    const uint32_t lefts = static_cast<uint32_t>(random.Between(1, 30));
    const uint32_t rights = static_cast<uint32_t>(random.Between(1, 30));
    const auto pairs = Make(PairLists::Sparse(
        lefts, rights, RandomPairs(random, lefts, rights, .4, 20)));
    const auto left = RandomCapacities(random, lefts);
    const auto right = RandomCapacities(random, rights);
    // Stopped early too: a refresh has no time to wait for the last digit.
    const MarketOptions options{
        .beta = .05,
        .max_sweeps = static_cast<int>(random.Between(1, 30)),
        .tolerance = 0};

    const auto solution = Solve(pairs, left, right, options);

    for (uint32_t l = 0; l < lefts; ++l) {
      double sum = 0;
      pairs.OfLeft(l, [&](uint32_t, uint32_t p) {
        EXPECT_GE(solution.matches[p], 0);
        sum += solution.matches[p];
      });
      EXPECT_LE(sum, left[l]);
      EXPECT_NEAR(sum + solution.free_left[l], left[l], 1e-6);
    }
    for (uint32_t r = 0; r < rights; ++r) {
      double sum = 0;
      pairs.OfRight(r,
                    [&](uint32_t, uint32_t p) { sum += solution.matches[p]; });
      EXPECT_LE(sum, right[r]);
      EXPECT_NEAR(sum + solution.free_right[r], right[r], 1e-6);
    }
  }
}

TEST(SolveMarketTest, ExtremeScalesNeitherOverflowNorCancel) {
  const auto pairs = Make(PairLists::Sparse(
      3, 2,
      {{0, 0, 1e6F}, {0, 1, -1e6F}, {1, 0, 1e6F}, {1, 1, 0}, {2, 0, -1e6F}}));
  const std::vector<double> left{1, 1e9, 1}, right{1, 1e-3};
  const MarketOptions options{
      .beta = .001, .max_sweeps = 200, .tolerance = 1e-9};

  const auto solution = Solve(pairs, left, right, options);

  double of_first_right = 0;
  for (const float m : solution.matches) ASSERT_TRUE(std::isfinite(m));
  for (const double price : solution.log_price_left) {
    ASSERT_TRUE(std::isfinite(price));
  }
  pairs.OfRight(
      0, [&](uint32_t, uint32_t p) { of_first_right += solution.matches[p]; });
  EXPECT_NEAR(of_first_right, 1, 1e-6);
  EXPECT_EQ(solution.matches[4], 0);  // 2 and 0 want nothing of each other
}

// Small beta leaves the wanted pairs matched; the textbook form loses them.
TEST(SolveMarketTest, SmallBetaFindsTheBestMatching) {
  const auto pairs = Make(PairLists::Complete(2, 2, {1, .9F, .9F, 0}));

  const auto solution =
      Solve(pairs, {1, 1}, {1, 1},
            {.beta = .005, .max_sweeps = 100'000, .tolerance = 1e-12});

  EXPECT_NEAR(solution.total(), 2, .01);
  EXPECT_NEAR(solution.matches[1], 1, .01);  // .9 + .9 beats 1 + 0
  EXPECT_NEAR(solution.matches[2], 1, .01);
}

TEST(SolveMarketTest, CompleteAndSparseFormsAgreeBitForBit) {
  Random random(6);
  const auto list = RandomPairs(random, 12, 8, 1, 4);
  std::vector<float> utility;
  for (const CandidatePair& pair : list) utility.push_back(pair.utility);
  const auto sparse = Make(PairLists::Sparse(12, 8, list));
  const auto complete = Make(PairLists::Complete(12, 8, utility));
  const std::vector<double> left(12, 1), right(8, 2);

  const auto a = Solve(sparse, left, right), b = Solve(complete, left, right);

  EXPECT_EQ(a.matches, b.matches);
  EXPECT_EQ(a.log_price_left, b.log_price_left);
}

TEST(SolveMarketTest, TheOrderOfPairsDoesNotMatter) {
  Random random(7);
  auto list = RandomPairs(random, 20, 20, .3, 5);
  const std::vector<double> ones(20, 1);
  const auto first =
      Solve(Make(PairLists::Sparse(20, 20, list)), ones, ones, {});
  std::shuffle(list.begin(), list.end(), random);

  const auto second =
      Solve(Make(PairLists::Sparse(20, 20, list)), ones, ones, {});

  EXPECT_EQ(first.matches, second.matches);
  EXPECT_EQ(first.sweeps, second.sweeps);
}

TEST(SolveMarketTest, MembersWithoutPairsOrPlacesStayAlone) {
  const auto pairs = Make(PairLists::Sparse(2, 2, {{0, 0, 1}}));

  const auto solution = Solve(pairs, {0, 3}, {1, 0});

  EXPECT_EQ(solution.matches[0], 0);
  EXPECT_EQ(solution.free_left[1], 3);
  EXPECT_EQ(solution.free_right[0], 1);
  EXPECT_EQ(Solve(Make(PairLists::Sparse(0, 0, {})), {}, {}).total(), 0);
}

// A member who states fewer places than it has gains nothing by it: its price
// and its expected matches only grow with its places, and never by more than
// the places that it adds.
TEST(SolveMarketTest, StatingFewerPlacesGainsNothing) {
  Random random(8);
  for (int round = 0; round < 30; ++round) {
    const auto pairs =
        Make(PairLists::Sparse(10, 6, RandomPairs(random, 10, 6, .7, 6)));
    const auto left = RandomCapacities(random, 10);
    auto right = RandomCapacities(random, 6);
    double price = -INFINITY, matches = 0, places = 0;
    for (const double stated : {.5, 1., 2., 3., 5., 8.}) {
      right[0] = stated;
      const auto solution = Solve(pairs, left, right);
      ASSERT_TRUE(solution.converged);
      const double got = stated - solution.free_right[0];
      EXPECT_GE(solution.log_price_right[0], price - 1e-9);
      EXPECT_GE(got, matches - 1e-6);
      EXPECT_LE(got - matches, stated - places + 1e-6);
      price = solution.log_price_right[0];
      matches = got;
      places = stated;
    }
  }
}

// A pair apart with a utility that plain numbers cannot hold makes the solver
// count in logs; the others' prices do not notice.
TEST(SolveMarketTest, PlainSumsGiveThePricesOfLogs) {
  Random random(17);
  for (const double spread : {1.0, 20.0}) {
    auto pairs = RandomPairs(random, 40, 15, .4, spread);
    std::vector<double> left(41), right(16);
    for (double& seats : left) seats = random.Double() * 3;
    for (double& seats : right) seats = random.Double() * 5;
    right[3] = 0;
    const auto plain = Make(PairLists::Sparse(41, 16, pairs));
    pairs.push_back({40, 15, 1000});
    const auto wide = Make(PairLists::Sparse(41, 16, pairs));
    const MarketOptions options{
        .beta = .5, .max_sweeps = 30, .tolerance = 1e-6};
    const MarketSolution a = Solve(plain, left, right, options);
    const MarketSolution b = Solve(wide, left, right, options);
    for (size_t l = 0; l < 40; ++l) {
      EXPECT_NEAR(a.log_price_left[l], b.log_price_left[l], 1e-9);
    }
    for (size_t r = 0; r < 15; ++r) {
      if (r != 3) {
        EXPECT_NEAR(a.log_price_right[r], b.log_price_right[r], 1e-9);
      }
    }
    EXPECT_EQ(a.log_price_right[3], b.log_price_right[3]) << "no seat";
  }
}

TEST(PairListsTest, ADoubleCoverIsTheOnePopulationThatItCovers) {
  const auto both = Make(PairLists::DoubleCover(
      3, {{0, 1, 2}, {0, 2, -1}, {1, 0, 2}, {2, 0, -1}}));
  const auto one = Make(PairLists::OnePopulation(3, {{0, 1, 2}, {2, 0, -1}}));
  EXPECT_TRUE(both.one_population());
  EXPECT_THAT(both.utilities(), ::testing::ElementsAreArray(one.utilities()));
}

TEST(SolveMarketTest, OnePopulationIsSymmetric) {
  Random random(9);
  std::vector<CandidatePair> list;
  for (uint32_t a = 0; a < 15; ++a) {
    for (uint32_t b = a + 1; b < 15; ++b) {
      list.push_back({a, b, static_cast<float>(random.Double() * 4)});
    }
  }
  const auto pairs = Make(PairLists::OnePopulation(15, list));
  const auto capacity = RandomCapacities(random, 15);

  const auto solution = Solve(pairs, capacity, capacity, {});

  std::vector<double> sum(15, 0);
  std::vector<std::vector<float>> m(15, std::vector<float>(15, 0));
  for (uint32_t a = 0; a < 15; ++a) {
    pairs.OfLeft(a, [&](uint32_t b, uint32_t p) {
      m[a][b] = solution.matches[p];
      sum[a] += solution.matches[p];
    });
    EXPECT_LE(sum[a], capacity[a]);
  }
  for (uint32_t a = 0; a < 15; ++a) {
    for (uint32_t b = 0; b < 15; ++b) EXPECT_NEAR(m[a][b], m[b][a], 1e-6);
  }
}

// Both orders of random pairs among `members`.
SymmetricPairs RandomPairs(uint32_t members, double low, double high,
                           std::vector<CandidatePair>& list) {
  Random random(19);
  std::vector<std::vector<float>> utility(members,
                                          std::vector<float>(members, NAN));
  for (uint32_t a = 0; a < members; ++a) {
    for (uint32_t b = 0; b < a; ++b) {
      if (random.Double() < .5) continue;
      utility[a][b] = utility[b][a] =
          static_cast<float>(low + (high - low) * random.Double());
    }
  }
  SymmetricPairs pairs;
  for (uint32_t a = 0; a < members; ++a) {
    for (uint32_t b = 0; b < members; ++b) {
      if (std::isnan(utility[a][b])) continue;
      pairs.other.push_back(b);
      pairs.utility.push_back(utility[a][b]);
      list.push_back({a, b, utility[a][b]});
    }
    pairs.begin.push_back(static_cast<uint32_t>(pairs.other.size()));
  }
  return pairs;
}

TEST(SymmetricMarketTest, HasThePricesOfTheDoubleCover) {
  // Plain numbers, and utilities too great for them.
  for (const double high : {4., 200.}) {
    std::vector<CandidatePair> list;
    SymmetricPairs pairs = RandomPairs(30, -3, high, list);
    const PairLists lists = *PairLists::DoubleCover(30, list);
    std::vector<double> places(30, 2);
    places[7] = 0;
    const MarketOptions options = {
        .beta = .5, .max_sweeps = 30, .prices_only = true};
    const auto expected = *SolveMarket(lists, places, places, options);
    const auto solution =
        SolveSymmetricMarket(std::move(pairs), places, options);
    ASSERT_TRUE(solution.ok()) << solution.status();
    EXPECT_EQ(solution->sweeps, expected.sweeps);
    for (size_t m = 0; m < places.size(); ++m) {
      if (places[m] == 0) {
        EXPECT_EQ(solution->log_price[m], -INFINITY);
      } else {
        EXPECT_NEAR(solution->log_price[m], expected.log_price_right[m], 1e-5);
      }
    }
  }
}

TEST(SymmetricMarketTest, RefusesWhatCannotBe) {
  const auto refused = [](const std::function<void(SymmetricPairs&)>& change,
                          double places = 1) {
    SymmetricPairs pairs = {{0, 1, 2}, {1, 0}, {.5f, .5f}};
    change(pairs);
    return absl::IsInvalidArgument(
        SolveSymmetricMarket(pairs, std::vector<double>(2, places), {})
            .status());
  };
  EXPECT_FALSE(refused([](SymmetricPairs&) {}));
  EXPECT_TRUE(refused([](SymmetricPairs& p) { p.begin.pop_back(); }));
  EXPECT_TRUE(refused([](SymmetricPairs& p) { p.begin = {0, 2, 1}; }));
  EXPECT_TRUE(refused([](SymmetricPairs& p) { p.other[0] = 2; }));
  EXPECT_TRUE(refused([](SymmetricPairs& p) { p.utility[1] = NAN; }));
  EXPECT_TRUE(refused([](SymmetricPairs&) {}, -1));
}

TEST(SolveMarketTest, RefusesNumbersOutOfRange) {
  const auto pairs = Make(PairLists::Sparse(1, 1, {{0, 0, 0}}));
  const std::vector<double> one{1}, two{1, 1}, negative{-1}, no_number{NAN};
  EXPECT_FALSE(SolveMarket(pairs, two, one).ok());
  EXPECT_FALSE(SolveMarket(pairs, negative, one).ok());
  EXPECT_FALSE(SolveMarket(pairs, one, no_number).ok());
  EXPECT_FALSE(SolveMarket(pairs, one, one, {.beta = 0}).ok());
  EXPECT_FALSE(SolveMarket(pairs, one, one, {.max_sweeps = 0}).ok());
  EXPECT_FALSE(SolveMarket(pairs, one, one, {.tolerance = NAN}).ok());
}

// A random market of seats; coarse values make many ties.
struct Seats {
  explicit Seats(Random& random)
      : lefts(static_cast<uint32_t>(random.Between(1, 25))),
        rights(static_cast<uint32_t>(random.Between(1, 25))),
        pairs(Make(PairLists::Sparse(
            lefts, rights, RandomPairs(random, lefts, rights, .5, 1)))) {
    for (uint32_t p = 0; p < pairs.size(); ++p) {
      left_value.push_back(static_cast<float>(random.Below(5)));
      right_value.push_back(static_cast<float>(random.Below(5)));
    }
    for (uint32_t l = 0; l < lefts; ++l) {
      wanted.push_back(static_cast<uint32_t>(random.Below(4)));
    }
    for (uint32_t r = 0; r < rights; ++r) {
      seats.push_back(static_cast<uint32_t>(random.Below(4)));
    }
  }
  SeatMarket market(uint64_t seed) const {
    return {.pairs = &pairs,
            .left_value = left_value,
            .right_value = right_value,
            .acceptable = 0,
            .wanted_left = wanted,
            .seats_right = seats,
            .lottery_seed = seed};
  }
  uint32_t lefts, rights;
  PairLists pairs;
  std::vector<float> left_value, right_value;
  std::vector<uint32_t> wanted, seats;
};

TEST(AllocateSeatsTest, IsStableAndKeepsToThePlaces) {
  Random random(10);
  for (int round = 0; round < 200; ++round) {
    const Seats seats(random);

    const auto given = AllocateSeats(seats.market(round));

    ASSERT_TRUE(given.ok()) << given.status();
    EXPECT_EQ(CountBlockingPairs(seats.market(round), *given), 0);
    for (uint32_t l = 0; l < seats.lefts; ++l) {
      uint32_t got = 0;
      seats.pairs.OfLeft(l, [&](uint32_t, uint32_t p) {
        if (!std::binary_search(given->begin(), given->end(), p)) return;
        ++got;
        EXPECT_GT(seats.left_value[p], 0);
        EXPECT_GT(seats.right_value[p], 0);
      });
      EXPECT_LE(got, seats.wanted[l]);
    }
    for (uint32_t r = 0; r < seats.rights; ++r) {
      uint32_t got = 0;
      seats.pairs.OfRight(r, [&](uint32_t, uint32_t p) {
        got += std::binary_search(given->begin(), given->end(), p);
      });
      EXPECT_LE(got, seats.seats[r]);
    }
  }
}

TEST(AllocateSeatsTest, ProposersGetTheirBestStableResult) {
  // Both matchings are stable; the left prefers the first.
  const auto pairs = Make(PairLists::Complete(2, 2, {0, 0, 0, 0}));
  const std::vector<float> left{2, 1, 1, 2}, right{1, 2, 2, 1};
  const std::vector<uint32_t> ones{1, 1};

  const auto given = AllocateSeats({&pairs, left, right, 0, ones, ones, 0});

  ASSERT_TRUE(given.ok());
  EXPECT_THAT(*given, ElementsAre(0, 3));
  const std::vector<uint32_t> other{1, 2},
      crossed{1};  // leaves right 0 to both
  EXPECT_EQ(CountBlockingPairs({&pairs, left, right, 0, ones, ones, 0}, other),
            0);
  EXPECT_EQ(
      CountBlockingPairs({&pairs, left, right, 0, ones, ones, 0}, crossed), 2);
}

TEST(AllocateSeatsTest, TiesAreDrawnByTheSeedNotByTheIndex) {
  const uint32_t n = 50;
  const auto pairs = Make(PairLists::Complete(n, 1, std::vector<float>(n, 0)));
  const std::vector<float> equal(n, 1);
  const std::vector<uint32_t> wanted(n, 1), one{1};
  std::vector<uint32_t> winners;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const SeatMarket market{&pairs, equal, equal, 0, wanted, one, seed};
    const auto given = AllocateSeats(market);
    ASSERT_TRUE(given.ok());
    ASSERT_EQ(given->size(), 1);
    EXPECT_EQ(*AllocateSeats(market), *given);
    winners.push_back(given->front());
  }
  std::sort(winners.begin(), winners.end());
  const auto distinct = std::unique(winners.begin(), winners.end());
  EXPECT_GT(distinct - winners.begin(), 15);
}

TEST(MeasuresTest, GiniOfKnownAmounts) {
  EXPECT_EQ(GiniCoefficient({}), 0);
  EXPECT_EQ(GiniCoefficient({0, 0}), 0);
  EXPECT_NEAR(GiniCoefficient({5, 5, 5}), 0, 1e-12);
  EXPECT_NEAR(GiniCoefficient({0, 0, 0, 1}), .75, 1e-12);
  EXPECT_NEAR(GiniCoefficient({1, 3}), .25, 1e-12);
}

TEST(MeasuresTest, EnvyCountsWhoWouldSwap) {
  const auto pairs = Make(PairLists::Complete(2, 2, {0, 0, 0, 0}));
  const std::vector<float> value{2, 1, 2, 1};  // both prefer the first
  const std::vector<float> one_sided{1, 0, 0, 1};
  const std::vector<float> shared{.5, .5, .5, .5};
  EXPECT_NEAR(EnvyShare(pairs, value, one_sided), .5, 1e-12);
  EXPECT_NEAR(EnvyShare(pairs, value, shared), 0, 1e-12);
}

TEST(MeasuresTest, MatchesNeedBothToLookAndAgree) {
  const auto pairs = Make(PairLists::Complete(1, 2, {0, 0}));
  const std::vector<double> score{1, 2};
  const std::vector<float> wants{.5, .8}, accepts{1, .5};

  const auto left = RanksOfLeft(pairs, score),
             right = RanksOfRight(pairs, score);

  EXPECT_THAT(left, ElementsAre(1, 0));
  EXPECT_THAT(right, ElementsAre(0, 0));
  EXPECT_NEAR(ExpectedMatches(wants, accepts, left, right), .25 + .4, 1e-6);
  EXPECT_THAT(ExposureOfRight(pairs, left),
              Pointwise(DoubleNear(1e-12), {.5, 1.}));
  EXPECT_THAT(ExposureOfLeft(pairs, right), Pointwise(DoubleNear(1e-12), {2.}));
}

}  // namespace
}  // namespace mitra::matching
