// Prices fitted to the places of lists.
//
// The prices of allocation/transferable_utility.h fill seats with expected
// matches, but people read lists from the top: the first place gets ten times
// the looks of the tenth, so attention by place is steeper than chances are,
// and falls on few. Here whoever is shown more than its seats' share of all
// looks gets dearer, whoever is shown less gets cheaper (dual ascent, TRUST
// 1.6), until that hardly changes who is shown.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_PLACE_FITTING_H_
#define MITRA_SERVICES_MATCHING_REFRESH_PLACE_FITTING_H_

#include <cstdint>

#include "absl/types/span.h"

namespace mitra::matching {

struct PlaceFitting {
  int rounds = 32;
  // Of a log unit of load, in units of the key.
  double step = 1;
  // Added to loads: a candidate that is hardly shown, since it stands on few
  // lists, is not driven to the top of all of them.
  double floor = .1;
  int threads = 1;
};

// Lists by left, each by right: `begin` has where each begins, and the end;
// `right` and `key`, without price, are by pair.
struct PlaceLists {
  absl::Span<const uint32_t> begin;
  absl::Span<const uint32_t> right;
  absl::Span<const float> key;
};

// `seats` by right; candidates without any keep their price. Changes `prices`,
// by right, in units of the key. Deterministic, whatever the number of threads
// is. O(pairs) a round: lists are nearly in order from the round before.
// Memory: 8 bytes a pair.
void FitPricesToPlaces(const PlaceLists& lists, absl::Span<const double> seats,
                       const PlaceFitting& fitting, absl::Span<double> prices);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_PLACE_FITTING_H_
