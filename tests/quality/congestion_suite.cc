// R3. The generator of Tomita et al. (RecSys 2023; also Su et al., WWW 2022):
// preferences are lambda parts of common popularity and 1 - lambda of chance;
// both sides read ranked lists and look at rank k with chance 1/k. numpy's
// RandomState is the same Mersenne twister, so seeds give their markets.

#include <cmath>
#include <random>
#include <vector>

#include "absl/strings/str_format.h"
#include "services/matching/allocation/market_measures.h"
#include "services/matching/allocation/pair_lists.h"
#include "services/matching/allocation/transferable_utility.h"
#include "tests/quality/measures.h"
#include "tests/quality/suites.h"

namespace mitra::quality {
namespace {

using matching::PairLists;

constexpr int kSeeds = 5;

struct Preferences {
  uint32_t lefts, rights;
  std::vector<float> wants, accepts;  // by left, then right
};

Preferences Generate(uint32_t seed, double lambda, uint32_t lefts,
                     uint32_t rights) {
  std::mt19937 twister(seed);
  const auto uniform = [&] {
    const double high = twister() >> 5, low = twister() >> 6;
    return (high * 67108864 + low) / 9007199254740992;
  };
  const auto popularity = [](uint32_t i, uint32_t n) {
    return 1 - static_cast<double>(i) / (n - 1);
  };
  Preferences market{lefts, rights, {}, {}};
  market.wants.resize(size_t{lefts} * rights);
  market.accepts.resize(size_t{lefts} * rights);
  for (uint32_t l = 0; l < lefts; ++l) {
    for (uint32_t r = 0; r < rights; ++r) {
      market.wants[l * rights + r] = static_cast<float>(
          (1 - lambda) * uniform() + lambda * popularity(r, rights));
    }
  }
  for (uint32_t r = 0; r < rights; ++r) {
    for (uint32_t l = 0; l < lefts; ++l) {
      market.accepts[l * rights + r] = static_cast<float>(
          (1 - lambda) * uniform() + lambda * popularity(l, lefts));
    }
  }
  return market;
}

struct Outcome {
  double matches = 0;
  double gini = 0;       // of the right's exposure
  double gini_left = 0;  // of the left's
};

Outcome Measure(const Preferences& market, const PairLists& pairs,
                const std::vector<double>& left_score,
                const std::vector<double>& right_score) {
  const auto left = matching::RanksOfLeft(pairs, left_score);
  const auto right = matching::RanksOfRight(pairs, right_score);
  return {matching::ExpectedMatches(market.wants, market.accepts, left, right),
          matching::GiniCoefficient(matching::ExposureOfRight(pairs, left)),
          matching::GiniCoefficient(matching::ExposureOfLeft(pairs, right))};
}

PairLists Complete(const Preferences& market, std::vector<float> utility) {
  return *PairLists::Complete(market.lefts, market.rights, std::move(utility));
}

Outcome OneByOne(const Preferences& market, bool product) {
  const PairLists pairs =
      Complete(market, std::vector<float>(market.wants.size(), 0));
  std::vector<double> left(market.wants.begin(), market.wants.end());
  std::vector<double> right(market.accepts.begin(), market.accepts.end());
  if (product) {
    for (size_t p = 0; p < left.size(); ++p) {
      left[p] = right[p] = left[p] * right[p];
    }
  }
  return Measure(market, pairs, left, right);
}

// Each side's list by expected matches, that is, utility plus the other's
// price.
Outcome WithPrices(const Preferences& market, double beta, int sweeps,
                   bool log_utility, bool balanced) {
  std::vector<float> utility(market.wants.size());
  for (size_t p = 0; p < utility.size(); ++p) {
    utility[p] =
        log_utility
            ? std::log(std::max(1e-6F, market.wants[p] * market.accepts[p]))
            : market.wants[p] + market.accepts[p];
  }
  const PairLists pairs = Complete(market, utility);
  // Everybody has one place, or, balanced, the smaller side has as many as the
  // larger, so that the attention of each side goes round in full.
  const double most = std::max(market.lefts, market.rights);
  const std::vector<double> left_places(market.lefts,
                                        balanced ? most / market.lefts : 1);
  const std::vector<double> right_places(market.rights,
                                         balanced ? most / market.rights : 1);
  const auto solution = *matching::SolveMarket(
      pairs, left_places, right_places, {.beta = beta, .max_sweeps = sweeps});
  std::vector<double> left(utility.size()), right(utility.size());
  for (uint32_t l = 0; l < market.lefts; ++l) {
    pairs.OfLeft(l, [&](uint32_t r, uint32_t p) {
      const double key = utility[p] / (2 * beta);
      left[p] = key + solution.log_price_right[r];
      right[p] = key + solution.log_price_left[l];
    });
  }
  return Measure(market, pairs, left, right);
}

template <typename Rank>
Outcome MeanOver(double lambda, uint32_t lefts, uint32_t rights,
                 uint32_t first_seed, Rank rank) {
  Outcome mean;
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    const Outcome one =
        rank(Generate(first_seed + seed, lambda, lefts, rights));
    mean.matches += one.matches / kSeeds;
    mean.gini += one.gini / kSeeds;
    mean.gini_left += one.gini_left / kSeeds;
  }
  return mean;
}

}  // namespace

void RunCongestion(const SuiteOptions& options, Report& report) {
  report.Section(
      "R3 congestion, lambda .5, 300 x 100, 5 seeds (bars: naive 19.0, product "
      "72.9 / Gini .40, TU .1 100.5 / .06, TU .05 105.7 / .07)");
  const auto prices = [](double beta, int sweeps, bool log_utility,
                         bool balanced) {
    return [=](const Preferences& market) {
      return WithPrices(market, beta, sweeps, log_utility, balanced);
    };
  };
  report.Note("naive matches",
              MeanOver(.5, 300, 100, 0,
                       [](const auto& m) { return OneByOne(m, false); })
                  .matches,
              "19.0");
  const Outcome product = MeanOver(
      .5, 300, 100, 0, [](const auto& m) { return OneByOne(m, true); });
  report.Note("product matches", product.matches, "72.9");
  report.Note("product gini", product.gini, ".40");
  if (options.full) {
    // Settings were chosen on the markets of seeds 100 to 104.
    for (const bool log_utility : {false, true}) {
      for (const bool balanced : {false, true}) {
        for (const double beta : {1., .5, .3, .2, .1, .05, .03, .02, .01}) {
          const Outcome o = MeanOver(.5, 300, 100, 100,
                                     prices(beta, 30, log_utility, balanced));
          report.Note(
              absl::StrFormat("%s%s beta %g", log_utility ? "log P" : "sum P",
                              balanced ? " balanced" : "", beta),
              o.matches,
              absl::StrFormat("gini %.3f, left %.3f", o.gini, o.gini_left));
        }
      }
    }
  }
  // As TRUST 1.6 and the paper take it: utility is the sum of both chances.
  const Outcome ours = MeanOver(.5, 300, 100, 0, prices(.05, 30, false, false));
  report.Metric("r3_matches", ours.matches, {105}, "TU .05 converged 105.7");
  report.Metric("r3_gini", ours.gini, {.07, true}, "TU .05 converged .07");
  report.Note("gini of the other side", ours.gini_left);
  const Outcome sharp =
      MeanOver(.5, 300, 100, 0, prices(.02, 30, false, false));
  report.Note(
      "beta .02 (best on others)", sharp.matches,
      absl::StrFormat("gini %.3f, left %.3f", sharp.gini, sharp.gini_left));
  // As requests are ranked: sum of log chances, best beta of the other seeds.
  const Outcome logs = MeanOver(.5, 300, 100, 0, prices(.2, 30, true, true));
  report.Note(
      "log chances, beta .2", logs.matches,
      absl::StrFormat("gini %.3f, left %.3f", logs.gini, logs.gini_left));
}

}  // namespace mitra::quality
