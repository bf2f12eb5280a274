// What outcomes say too much of because of how it was shown: first places are
// looked at more than later ones, and who is shown everywhere has most of the
// outcomes. Both are weighed down, so that weights learn what people want
// rather than what the ranking did.

#ifndef MITRA_SERVICES_MATCHING_LEARNING_EXPOSURE_BIAS_H_
#define MITRA_SERVICES_MATCHING_LEARNING_EXPOSURE_BIAS_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "services/matching/learning/outcome_line.h"

namespace mitra::matching {

// Places that are told apart; later ones count as the last.
inline constexpr size_t kPlaces = 50;

struct PlaceChances {
  // Chance that a place is looked at, by place from 0: 1 for the first, never
  // rising, at least .05.
  std::vector<double> seen;
  // From outcomes whose place chance had drawn; else the usual discount
  // 1 / log2(place + 2).
  bool measured = false;
};

// Of slates of the random slice everybody is as good at every place, so that
// how often a place is wanted tells how often it is looked at (Wang et al.,
// "Learning to rank with selection bias", SIGIR 2016). Wants
// at least 500 such outcomes.
PlaceChances ChancesOf(absl::Span<const Outcome> outcomes);

// Multiplies weights: by 1 / chance of the place, at most 20 in all, for
// outcomes that state a place and no propensity of their own; and by
// (mean / own number of outcomes) ^ `popularity` of the candidate, for those
// that name one (Yang et al., RecSys 2018). 0 leaves popularity alone. Numbers
// of outcomes are counted in `outcomes`, chances of places are given.
void Debias(const PlaceChances& chances, double popularity,
            absl::Span<Outcome> outcomes);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_LEARNING_EXPOSURE_BIAS_H_
