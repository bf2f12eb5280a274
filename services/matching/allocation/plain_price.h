// One step of the fitting in plain numbers (transferable_utility.h). Internal
// to allocation/.

#ifndef MITRA_SERVICES_MATCHING_ALLOCATION_PLAIN_PRICE_H_
#define MITRA_SERVICES_MATCHING_ALLOCATION_PLAIN_PRICE_H_

#include <cmath>

#include "absl/types/span.h"

namespace mitra::matching {

// exp of it, and sums of such, can be held in single precision.
inline constexpr double kNarrow = 60;

inline bool IsNarrow(absl::Span<const float> utilities, double scale) {
  for (const float utility : utilities) {
    if (utility * scale > kNarrow) return false;
  }
  return true;
}

// K of a narrow market. What lies as far below moves no price by 1e-25, and
// would be computed with slowly as a denormal number.
inline double Weigh(double scaled_utility) {
  return scaled_utility < -kNarrow ? 0 : std::exp(scaled_utility);
}

// The price for half the sum of what the other side offers.
inline double PlainPrice(double capacity, double half_sum) {
  return capacity <= 0 ? 0
                       : capacity / (half_sum +
                                     std::sqrt(half_sum * half_sum + capacity));
}

// Sets `price` and returns how far its log moved.
inline double MovePlain(double& price, double next) {
  const double change =
      price > 0 && next > 0 ? std::abs(std::log(next / price)) : 0;
  price = next;
  return change;
}

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_ALLOCATION_PLAIN_PRICE_H_
