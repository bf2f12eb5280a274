// The trees of the models that ship (tie_model.h), as data.

#ifndef MITRA_SERVICES_MATCHING_TRUST_LEARNED_TREES_H_
#define MITRA_SERVICES_MATCHING_TRUST_LEARNED_TREES_H_

#include "absl/types/span.h"
#include "services/matching/trust/tie_model.h"

namespace mitra::matching {

// Of TieModels::goes_well: what a pair's signals say together that they do not
// say one by one. Learned and printed by mitra-quality --full signs.
absl::Span<const TieTree> GoesWellTrees();

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_TRUST_LEARNED_TREES_H_
