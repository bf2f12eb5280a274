// How far a market's looks are spread: how many rounds of fitting to places
// (place_fitting.h) its prices get, or what share of them is left where full
// prices would cost matches.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_SPREADING_H_
#define MITRA_SERVICES_MATCHING_REFRESH_SPREADING_H_

#include <vector>

#include "absl/types/span.h"
#include "services/matching/refresh/list_worth.h"
#include "services/matching/refresh/place_fitting.h"

namespace mitra::matching {

// A market's prices, in units of the key.
struct MarketPrices {
  std::vector<double> left;   // by subject number
  std::vector<double> right;  // by candidate number
  std::vector<double> seats;  // by candidate number
};

struct Spreading {
  int rounds = 0;    // of fitting, beyond the small ones
  double share = 1;  // of the prices, where there are no such rounds
};

// Spreads the looks of one market. Deterministic, whatever the number of
// threads is.
class Spreader {
 public:
  // `unit`: what a log unit of the market is in units of the key. All that is
  // referred to must outlive the object.
  Spreader(const PlaceLists& lists, const ListWorth& worth_of, double unit,
           int threads)
      : lists_(lists),
        worth_of_(worth_of),
        alone_(worth_of.Of({}, {})),
        unit_(unit),
        threads_(threads) {}

  // What the lists are worth if each is ranked alone.
  const Worth& alone() const { return alone_; }

  // The first rounds are small ones. Further ones go on while no match is lost
  // to lists that are each ranked alone. `seats_differ`: it is tried with even
  // seats for a market in which they differ. Says in `spreading` how far it
  // went, returns what the lists are worth then.
  Worth FitWhileItPays(bool seats_differ, MarketPrices& prices,
                       Spreading& spreading) const;
  // Goes as far as `spreading` says.
  Worth Spread(const Spreading& spreading, MarketPrices& prices) const;

 private:
  Worth WeakenUntilItPays(bool seats_differ, MarketPrices& prices,
                          Spreading& spreading) const;
  // `step`: in log units of the market.
  void Fit(int rounds, double step, absl::Span<const double> seats,
           std::vector<double>& prices) const;

  const PlaceLists& lists_;
  const ListWorth& worth_of_;
  const Worth alone_;
  const double unit_;
  const int threads_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_SPREADING_H_
