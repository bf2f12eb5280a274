#include "services/matching/refresh/spreading.h"

#include <optional>
#include <utility>

namespace mitra::matching {
namespace {

// A step of the fitting is one log unit of the market for one of load, after a
// few small ones; beyond 32 rounds the Gini coefficient changes by less than a
// hundredth. At 100,000 members, each list alone: mentors .593, partners .751;
// after 6 rounds .321 and .468, after 32 .266 and .395. What is left are
// candidates who stand on few lists.
constexpr double kFittingStep = 1;
constexpr double kSmallStep = .35;
constexpr int kSmallRounds = 6;

// What the same seats for everybody must gain over lists ranked alone, for
// further rounds of fitting and for prices of a share of the full ones: uneven
// seats cost about so much. On a sample network of 20,000 members .75 of the
// matches with even seats were left after further rounds, .81 without, .89 with
// prices halved, .96 and 1.00 (100,000: .84, .86, .90, .95, .98).
constexpr double kRoundsMargin = .34;
struct Strength {
  double share;
  double margin;
};
constexpr Strength kStrengths[] = {{1, .24}, {.5, .12}, {.25, .04}, {.125, 0}};

// None is left of a share of 0, not even of what is infinite.
void Weaken(double share, MarketPrices& prices) {
  for (auto* side : {&prices.left, &prices.right}) {
    for (double& price : *side) price = share == 0 ? 0 : price * share;
  }
}

}  // namespace

void Spreader::Fit(int rounds, double step, absl::Span<const double> seats,
                   std::vector<double>& prices) const {
  if (rounds == 0) return;
  PlaceFitting fitting;
  fitting.threads = threads_;
  fitting.rounds = rounds;
  fitting.step = step * unit_;
  FitPricesToPlaces(lists_, seats, fitting, absl::MakeSpan(prices));
}

// In a small market the same few fit each other best, and spreading looks costs
// matches. Then prices are weakened until both sides together meet at least as
// often as if each list were ranked alone; without prices they do.
Worth Spreader::WeakenUntilItPays(bool seats_differ, MarketPrices& prices,
                                  Spreading& spreading) const {
  for (const Strength& strength : kStrengths) {
    MarketPrices weaker = prices;
    Weaken(strength.share, weaker);
    const Worth worth = worth_of_.Of(weaker.left, weaker.right);
    const double margin = seats_differ ? strength.margin : 0;
    if (worth.matches < alone_.matches * (1 + margin)) continue;
    prices = std::move(weaker);
    spreading.share = strength.share;
    return worth;
  }
  Weaken(0, prices);
  spreading.share = 0;
  return alone_;
}

Worth Spreader::FitWhileItPays(bool seats_differ, MarketPrices& prices,
                               Spreading& spreading) const {
  Fit(kSmallRounds, kSmallStep, prices.seats, prices.right);
  const double margin = seats_differ ? kRoundsMargin : 0;
  std::optional<Worth> together;
  for (const int rounds : {8, 8, 16}) {
    std::vector<double> next = prices.right;
    Fit(rounds, kFittingStep, prices.seats, next);
    const Worth worth = worth_of_.Of(prices.left, next);
    if (worth.matches < alone_.matches * (1 + margin)) break;
    prices.right = std::move(next);
    spreading.rounds += rounds;
    together = worth;
  }
  return together ? *together
                  : WeakenUntilItPays(seats_differ, prices, spreading);
}

Worth Spreader::Spread(const Spreading& spreading, MarketPrices& prices) const {
  Fit(kSmallRounds, kSmallStep, prices.seats, prices.right);
  Fit(spreading.rounds, kFittingStep, prices.seats, prices.right);
  Weaken(spreading.share, prices);
  return worth_of_.Of(prices.left, prices.right);
}

}  // namespace mitra::matching
