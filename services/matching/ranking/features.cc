#include "services/matching/ranking/features.h"

namespace mitra::matching {
namespace {

// Neutral values are the rounded medians of random same-kind pairs of the
// sample network, so that a missing signal reads as an ordinary one.
constexpr std::array<FeatureInfo, kFeatureCount> kInfo = {{
    {Feature::kGiveSimilarity, "give_similarity", .15f},
    {Feature::kTakeSimilarity, "take_similarity", .10f},
    {Feature::kNeedCovered, "need_covered", .3f},
    {Feature::kOfferWanted, "offer_wanted", .3f},
    {Feature::kRegionProximity, "region_proximity", .35f},
    {Feature::kSectorProximity, "sector_proximity", .25f},
    {Feature::kSupplyRelation, "supply_relation", 0},
    {Feature::kSharedNorms, "shared_norms", .1f},
    {Feature::kCohesion, "cohesion", 0},
    {Feature::kSameGroup, "same_group", 0},
    {Feature::kSameLanguage, "same_language", 1},
    {Feature::kSeatsFree, "seats_free", .6f},
    {Feature::kResponsiveness, "responsiveness", .5f},
    {Feature::kCandidateVerified, "candidate_verified", .3f},
    {Feature::kSubjectVerified, "subject_verified", .3f},
    {Feature::kNewcomer, "newcomer", 0},
    {Feature::kAhead, "ahead", .5f},
    {Feature::kTrust, "trust", .1f},
    {Feature::kReputation, "reputation", .4f},
    {Feature::kSubjectReputation, "subject_reputation", .4f},
    {Feature::kWarnings, "warnings", 0},
}};

constexpr bool InOrder() {
  for (size_t i = 0; i < kInfo.size(); ++i) {
    if (static_cast<size_t>(kInfo[i].feature) != i) return false;
  }
  return true;
}
static_assert(InOrder(), "features stand in the order of the enum");

constexpr std::array<float, kFeatureCount> Neutral() {
  std::array<float, kFeatureCount> values{};
  for (size_t i = 0; i < kFeatureCount; ++i) values[i] = kInfo[i].neutral;
  return values;
}
}  // namespace

const std::array<FeatureInfo, kFeatureCount>& AllFeatures() { return kInfo; }

const std::array<float, kFeatureCount> FeatureVector::kNeutral = Neutral();

}  // namespace mitra::matching
