// The market of one population (transferable_utility.h) where it is large: both
// orders of a pair are one row, so that it takes 8 bytes for each order of a
// pair and nothing else.

#ifndef MITRA_SERVICES_MATCHING_ALLOCATION_SYMMETRIC_MARKET_H_
#define MITRA_SERVICES_MATCHING_ALLOCATION_SYMMETRIC_MARKET_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/matching/allocation/transferable_utility.h"

namespace mitra::matching {

// Whom each member may meet, by member, then other: (a, b) and (b, a) are both
// there, with the same utility.
struct SymmetricPairs {
  std::vector<uint32_t> begin = {0};  // by member, and the end
  std::vector<uint32_t> other;
  std::vector<float> utility;
};

struct SymmetricSolution {
  // Natural logs; -infinity for capacity 0.
  std::vector<double> log_price;
  int sweeps = 0;
  bool converged = false;
};

// The prices of SolveMarket over the double cover of `pairs`, which are used
// up; weights are kept in single precision, which moves a price by 1e-7.
// INVALID_ARGUMENT as there, and for rows that do not fit.
absl::StatusOr<SymmetricSolution> SolveSymmetricMarket(
    SymmetricPairs pairs, absl::Span<const double> capacity,
    const MarketOptions& options);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_ALLOCATION_SYMMETRIC_MARKET_H_
