// The named features of a pair (subject, candidate).
//
// A feature is a number in a stated range. A signal that one of the two does
// not have takes the feature's neutral value, which adds nothing to a score,
// and is reported as missing: a member without vectors, ties or region is
// neither punished nor favoured.

#ifndef MITRA_SERVICES_MATCHING_RANKING_FEATURES_H_
#define MITRA_SERVICES_MATCHING_RANKING_FEATURES_H_

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace mitra::matching {

enum class Feature : uint8_t {
  // Cosine of the subject's need and the candidate's offer, -1 to 1.
  kGiveSimilarity,
  // Cosine of the candidate's need and the subject's offer, -1 to 1.
  kTakeSimilarity,
  // Share of the subject's needs that the candidate's offers cover, 0 to 1.
  kNeedCovered,
  // Share of the candidate's needs that the subject's offers cover, 0 to 1.
  kOfferWanted,
  // 1 same district … 0 elsewhere.
  kRegionProximity,
  // 1 same five-digit sector … 0 unrelated; the nearest pair counts.
  kSectorProximity,
  // 1 if one commonly supplies the other's sector.
  kSupplyRelation,
  // Jaccard index of the norms that both keep today, rare ones counting more.
  kSharedNorms,
  // Simmelian closure: common ties / sqrt(product of the degrees), 0 to 1.
  kCohesion,
  // 1 / (1 + log2 of the smallest common group's size / 8), 0 without one.
  kSameGroup,
  // 1 if they share a language.
  kSameLanguage,
  // Free share of the candidate's seats, 0 to 1.
  kSeatsFree,
  // The candidate's answer rate, 0 to 1, shrunk to .5.
  kResponsiveness,
  // 1 if somebody verified who the candidate is.
  kCandidateVerified,
  // 1 if somebody verified who the subject is.
  kSubjectVerified,
  // 1 if the candidate has fewer than 3 pieces of evidence.
  kNewcomer,
  // Scale of the candidate's business against the subject's: 1 a step ahead,
  // .6 the same, .4 two steps or more, .2 behind.
  kAhead,
  // Personal trust of the subject in the candidate, 0 to 1.
  kTrust,
  // Reputation of the candidate in the network, 0 to 1.
  kReputation,
  // Reputation of the subject in the network, 0 to 1.
  kSubjectReputation,
  // Complaints by members whom the subject trusts, 0 to 1 (trust/warnings.h).
  kWarnings,
  kCount,
};

inline constexpr size_t kFeatureCount = static_cast<size_t>(Feature::kCount);

struct FeatureInfo {
  Feature feature;
  // Name in FULL explanations and in ranking profiles; never changes.
  absl::string_view name;
  // What a missing signal counts as: the value of an ordinary pair.
  float neutral;
};

// In the order of the enum.
const std::array<FeatureInfo, kFeatureCount>& AllFeatures();

// The features of one pair. A plain value, 92 bytes.
class FeatureVector {
 public:
  // All signals missing.
  FeatureVector() : values_(kNeutral) {}

  // Sets a signal. A value that is not finite counts as missing.
  void Set(Feature feature, float value) {
    if (!std::isfinite(value)) return;
    values_[static_cast<size_t>(feature)] = value;
    present_ |= 1u << static_cast<unsigned>(feature);
  }
  float Get(Feature feature) const {
    return values_[static_cast<size_t>(feature)];
  }
  bool Missing(Feature feature) const {
    return (present_ >> static_cast<unsigned>(feature) & 1) == 0;
  }
  const std::array<float, kFeatureCount>& values() const { return values_; }

 private:
  static const std::array<float, kFeatureCount> kNeutral;

  std::array<float, kFeatureCount> values_;
  uint32_t present_ = 0;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_FEATURES_H_
