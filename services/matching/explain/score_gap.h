// Why one candidate stands behind another: which term of the score it is.

#ifndef MITRA_SERVICES_MATCHING_EXPLAIN_SCORE_GAP_H_
#define MITRA_SERVICES_MATCHING_EXPLAIN_SCORE_GAP_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "services/matching/explain/catalogue.h"
#include "services/matching/ranking/pair_features.h"
#include "services/matching/ranking/recommender.h"

namespace mitra::matching {

struct ScoreGap {
  // The term that costs the candidate most against the other; empty if none
  // does.
  absl::string_view term;
  double term_gap = 0;  // of that term's contributions, at least 0
  // Of the keys; below 0 where the candidate has the higher one and stands
  // behind because of reranking.
  double gap = 0;
  // Terms without a signal for the candidate, in the order of AllFeatures().
  std::vector<absl::string_view> missing;
};

// Both were scored for the subject of `features` by `utility`. Prices are what
// the keys have beyond their terms.
ScoreGap CompareScores(const MemberView& members, const PairFeatures& features,
                       const JointUtility& utility, const Ranked& candidate,
                       const Ranked& other);

// What a term is about, in words for people ("jarak", "kepercayaan"); empty
// for a term without any.
absl::string_view TermWord(Language language, absl::string_view term);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_EXPLAIN_SCORE_GAP_H_
