// Chances in words: what people are shown instead of percentages, which would
// claim more than a model knows and would make a list of members a league.

#ifndef MITRA_COMMON_TAXONOMY_BANDS_H_
#define MITRA_COMMON_TAXONOMY_BANDS_H_

#include "absl/strings/string_view.h"
#include "common/taxonomy/names.h"

namespace mitra::taxonomy {

// How well two members fit, from the chance that both say yes: from .5 on very
// well (two sides that each say yes in seven of ten cases), from .25 on well
// (each in one of two), from .1 on perhaps, else hardly. Not a number counts as
// 0. Pure; texts live as long as the program.
absl::string_view FitBand(double chance, Language language);

// How likely one side says yes: from .7 on likely, from .4 on open, else
// unlikely.
absl::string_view LikelihoodBand(double chance, Language language);

}  // namespace mitra::taxonomy

#endif  // MITRA_COMMON_TAXONOMY_BANDS_H_
