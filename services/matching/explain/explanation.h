// Why a candidate stands in a slate: typed, two-sided reasons with proof,
// trust paths with consent applied, and every term of the score.
//
// Texts are made here, when a slate is served, so that names, consents and
// seats are those of now.

#ifndef MITRA_SERVICES_MATCHING_EXPLAIN_EXPLANATION_H_
#define MITRA_SERVICES_MATCHING_EXPLAIN_EXPLANATION_H_

#include <string>
#include <vector>

#include "mitra/v1/recommendation.pb.h"
#include "services/matching/explain/catalogue.h"
#include "services/matching/ranking/joint_utility.h"
#include "services/matching/ranking/pair_features.h"
#include "services/matching/ranking/recommender.h"
#include "services/matching/ranking/subject.h"
#include "services/matching/state/matching_state.h"
#include "services/matching/trust/trust_path.h"

namespace mitra::matching {

// At least this many members must be meant by "a fellow member of your
// cooperative" for it to give nobody away.
inline constexpr uint32_t kAnonymity = 5;

// One subject and kind; keeps references to all that it is made from. Whoever
// an explanation is about, or mentions by name or not, is added to `mentioned`.
class Explainer {
 public:
  Explainer(const MatchingView& view, const Subject& subject,
            const KindSpec& kind, const PairFeatures& features,
            const JointUtility& utility, Language language,
            std::vector<MemberIndex>* mentioned = nullptr);

  // Fills reasons, path and, at FULL, terms of a candidate that is eligible.
  void Explain(const Ranked& ranked, v1::ExplanationLevel level,
               v1::Recommendation& recommendation) const;

 private:
  void AddReasons(const Ranked& ranked, const FeatureVector& features,
                  const PairDetail& detail, bool has_path,
                  v1::Recommendation& recommendation) const;

  const MatchingView& view_;
  const Subject& subject_;
  const KindSpec& kind_;
  const PairFeatures& features_;
  const JointUtility& utility_;
  const Language language_;
  std::vector<MemberIndex>* const mentioned_;  // may be null
};

// The best path of `paths` from the subject to `candidate`. A member between
// the two is named only if it consents, is not hidden and is not in a block
// with the subject; else by "a fellow member of your cooperative" where at
// least kAnonymity members of a group that the subject shares with it could be
// meant, else by "a member of the network". No path is said honestly.
v1::TrustPath DescribePath(const MatchingView& view, const Subject& subject,
                           MemberIndex candidate, const TrustPaths& paths,
                           Language language);
// The same into `out`, which is empty.
void DescribePathInto(const MatchingView& view, const Subject& subject,
                      MemberIndex candidate, const TrustPaths& paths,
                      Language language, v1::TrustPath& out);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_EXPLAIN_EXPLANATION_H_
