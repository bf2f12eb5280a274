// Learns the weights of a ranking profile from answers.

#ifndef MITRA_SERVICES_MATCHING_LEARNING_RANKING_LEARNER_H_
#define MITRA_SERVICES_MATCHING_LEARNING_RANKING_LEARNER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/matching/ranking/features.h"
#include "services/matching/ranking/ranking_profile.h"

namespace mitra::matching {

// What became of a recommended pair.
enum class Answer : uint8_t {
  // Both said yes.
  kMatch,
  // The subject asked, the candidate said no.
  kDeclined,
  // The subject saw the candidate and passed on; the candidate was not asked.
  kNotWanted,
  // The same, but the candidate was asked and would have accepted.
  kUnrequited,
  // Both were asked and both said no.
  kNeither,
  // One of the two said no, and nobody knows which.
  kMissed,
};

struct AnsweredPair {
  FeatureVector features;
  Answer answer = Answer::kMissed;
  // How many pairs it stands for: 1 / propensity of being seen at its position.
  double weight = 1;
};

using FeatureSet = uint32_t;  // FeatureBit
constexpr FeatureSet FeatureBit(Feature feature) {
  return FeatureSet{1} << static_cast<unsigned>(feature);
}
inline constexpr FeatureSet kAllFeatures = (FeatureSet{1} << kFeatureCount) - 1;

struct LearnOptions {
  // What each side looks at; the weight of other features is 0. The sides must
  // differ where answers are kMissed, or nothing tells them apart.
  FeatureSet wants = kAllFeatures & ~FeatureBit(Feature::kSeatsFree) &
                     ~FeatureBit(Feature::kSubjectVerified) &
                     ~FeatureBit(Feature::kSubjectReputation);
  FeatureSet accepts = kAllFeatures & ~FeatureBit(Feature::kCandidateVerified) &
                       ~FeatureBit(Feature::kReputation) &
                       ~FeatureBit(Feature::kAhead);
  // Penalty on standardised weights, see LogisticOptions.
  double l2 = 3;
  // Rounds of expectation maximisation, if some answers are kMissed.
  int rounds = 20;
  // Share of yeses of the wanting side at the beginning of those rounds.
  double start_wants = .8;
};

// Both logistics of a kind, such that P(wants) * P(accepts) is the chance of a
// match. What a side was not asked does not count for it; a kMissed answer is
// given to the sides by how likely each said no, in rounds (expectation
// maximisation; Dempster, Laird and Rubin, JRSS B 1977). Missing signals stand
// at their neutral value and so teach nothing.
// FAILED_PRECONDITION unless each side has both yes and no;
// INVALID_ARGUMENT for options without features.
absl::StatusOr<KindWeights> LearnKind(absl::Span<const AnsweredPair> pairs,
                                      const LearnOptions& options = {});

// Makes the chances come true on `pairs`, which should be later than those that
// the weights were learned from: Platt's line on each side's log odds, folded
// into bias and weights, if that side's answers are known; it keeps a side's
// order. A side that has fewer than 20 known yeses or noes, or whose weights
// say nothing there, stays as it is.
KindWeights Calibrated(const KindWeights& weights,
                       absl::Span<const AnsweredPair> pairs);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_LEARNING_RANKING_LEARNER_H_
