#include "services/matching/ranking/ranking_profile.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "mitra/v1/recommendation.pb.h"

namespace mitra::matching {
namespace {

constexpr float kMaxWeight = 20;
constexpr size_t kMaxTies = 64;

bool IsValidId(absl::string_view id) {
  if (id.empty() || id.size() > 64 || !absl::ascii_isalnum(id[0])) return false;
  for (const char c : id) {
    if (!absl::ascii_isalnum(c) && c != '.' && c != '_' && c != '-') {
      return false;
    }
  }
  return true;
}

bool IsSane(const SideWeights& side) {
  if (!(std::abs(side.bias) <= kMaxWeight)) return false;
  for (const float weight : side.weight) {
    if (!(std::abs(weight) <= kMaxWeight)) return false;
  }
  return true;
}

// What holds for every kind.
KindWeights CommonWeights() {
  KindWeights kind;
  SideWeights& wants = kind.wants;
  wants.bias = -.3f;
  wants[Feature::kGiveSimilarity] = 5;
  wants[Feature::kTakeSimilarity] = .5f;
  wants[Feature::kNeedCovered] = 1.8f;
  wants[Feature::kOfferWanted] = .3f;
  wants[Feature::kRegionProximity] = 1.2f;
  wants[Feature::kSectorProximity] = 1.2f;
  wants[Feature::kSupplyRelation] = .4f;
  wants[Feature::kSharedNorms] = .5f;
  wants[Feature::kCohesion] = 1.5f;
  wants[Feature::kSameGroup] = .6f;
  wants[Feature::kSameLanguage] = .5f;
  wants[Feature::kResponsiveness] = .8f;
  wants[Feature::kCandidateVerified] = .3f;
  wants[Feature::kTrust] = 1.6f;
  wants[Feature::kReputation] = 1;
  wants[Feature::kWarnings] = -3;
  SideWeights& accepts = kind.accepts;
  accepts.bias = -.2f;
  accepts[Feature::kGiveSimilarity] = 2;
  accepts[Feature::kTakeSimilarity] = 3;
  accepts[Feature::kNeedCovered] = .4f;
  accepts[Feature::kOfferWanted] = 1.2f;
  accepts[Feature::kRegionProximity] = .8f;
  accepts[Feature::kSectorProximity] = .8f;
  accepts[Feature::kSupplyRelation] = .3f;
  accepts[Feature::kSharedNorms] = .5f;
  accepts[Feature::kCohesion] = 1.2f;
  accepts[Feature::kSameGroup] = .6f;
  accepts[Feature::kSameLanguage] = .4f;
  accepts[Feature::kSeatsFree] = .8f;
  accepts[Feature::kResponsiveness] = 1.5f;
  accepts[Feature::kSubjectVerified] = .3f;
  accepts[Feature::kTrust] = .9f;
  accepts[Feature::kSubjectReputation] = .8f;
  return kind;
}

RankingProfile MakeDefault() {
  RankingProfile profile;
  profile.id = "fixed-3";
  for (KindWeights& kind : profile.kinds) kind = CommonWeights();
  const auto at = [&](v1::RecommendationKind kind) -> KindWeights& {
    return profile.kinds[kind];
  };

  // A mentor of one's own line of business, and not too far, is what users ask
  // for first; what the mentor gets in return counts little.
  KindWeights& mentor = at(v1::RECOMMENDATION_KIND_MENTOR);
  mentor.wants[Feature::kSectorProximity] = 1.8f;
  mentor.wants[Feature::kRegionProximity] = 1.4f;
  mentor.accepts[Feature::kTakeSimilarity] = 1;
  mentor.accepts[Feature::kOfferWanted] = .4f;
  mentor.accepts[Feature::kSectorProximity] = 1.2f;

  // Partners need not be alike; a supply relation is worth more.
  KindWeights& partner = at(v1::RECOMMENDATION_KIND_PARTNER);
  partner.wants[Feature::kSectorProximity] = .8f;
  partner.wants[Feature::kSupplyRelation] = 1;
  partner.accepts[Feature::kSupplyRelation] = .8f;

  // A peer is on the same road, a little ahead.
  KindWeights& peer = at(v1::RECOMMENDATION_KIND_PEER);
  peer.wants[Feature::kSectorProximity] = 2;
  peer.wants[Feature::kAhead] = 1.5f;
  peer.wants[Feature::kSharedNorms] = .8f;
  peer.accepts[Feature::kSectorProximity] = 1.2f;

  for (const auto trade :
       {v1::RECOMMENDATION_KIND_SUPPLIER, v1::RECOMMENDATION_KIND_BUYER}) {
    at(trade).wants[Feature::kSectorProximity] = .6f;
    at(trade).wants[Feature::kSupplyRelation] = 1.2f;
    at(trade).accepts[Feature::kSectorProximity] = .4f;
    at(trade).accepts[Feature::kSupplyRelation] = 1;
    at(trade).wants[Feature::kSharedNorms] = .8f;
  }

  // Money goes to those who are known and verified.
  KindWeights& investor = at(v1::RECOMMENDATION_KIND_INVESTOR);
  investor.accepts[Feature::kSubjectReputation] = 1.4f;
  investor.accepts[Feature::kSubjectVerified] = .8f;
  investor.wants[Feature::kRegionProximity] = .6f;

  // Things to join: near and fitting; they take whom their rules allow.
  for (const auto joined :
       {v1::RECOMMENDATION_KIND_PROGRAMME, v1::RECOMMENDATION_KIND_COMMUNITY,
        v1::RECOMMENDATION_KIND_EVENT}) {
    at(joined).wants[Feature::kRegionProximity] = 1.8f;
    at(joined).accepts.bias = .8f;
    at(joined).accepts[Feature::kTakeSimilarity] = 1;
    at(joined).accepts[Feature::kOfferWanted] = .4f;
  }

  KindWeights& facilitator = at(v1::RECOMMENDATION_KIND_FACILITATOR);
  facilitator.wants[Feature::kRegionProximity] = 2;
  facilitator.accepts[Feature::kRegionProximity] = 1.6f;
  facilitator.accepts[Feature::kTakeSimilarity] = .5f;
  facilitator.accepts[Feature::kOfferWanted] = .2f;
  return profile;
}

void CheckTies(const std::vector<SectorTies>& ties,
               FieldViolations& violations) {
  constexpr double kMaxFactor = 5;
  if (ties.size() > kMaxTies) {
    violations.Add("ties", absl::StrCat("must have at most ", kMaxTies));
  }
  const auto in_range = [](double v) { return v >= 0 && v <= kMaxFactor; };
  for (size_t i = 0; i < ties.size(); ++i) {
    const std::string field = absl::StrCat("ties[", i, "].");
    const taxonomy::SectorRange known = taxonomy::SectorsUnder(ties[i].sector);
    if (known.begin == known.end || known.begin != ties[i].range.begin ||
        known.end != ties[i].range.end) {
      violations.Add(field + "sector", "is not a sector code of KBLI 2020");
    }
    for (size_t j = 0; j < i; ++j) {
      if (ties[j].sector != ties[i].sector) continue;
      violations.Add(field + "sector", "stands there already");
    }
    if (!in_range(ties[i].strong) || !in_range(ties[i].weak)) {
      violations.Add(field + "strong", "and weak must be in [0, 5]");
    }
  }
}

}  // namespace

absl::Status RankingProfile::Validate() const {
  FieldViolations violations;
  if (!IsValidId(id)) {
    violations.Add("id", "must match [A-Za-z0-9][A-Za-z0-9._-]{0,63}");
  }
  if (!(beta >= .01 && beta <= 10)) {
    violations.Add("beta", absl::StrCat("must be in [.01, 10], is ", beta));
  }
  for (int i = 0; i < kKindRows; ++i) {
    if (!IsSane(kinds[i].wants) || !IsSane(kinds[i].accepts)) {
      violations.Add(absl::StrCat("kinds[", i, "]"),
                     "weights must be finite and within 20 of 0");
    }
  }
  const auto check = [&](const char* field, double value, double most) {
    if (value >= 0 && value <= most) return;
    violations.Add(field,
                   absl::StrCat("must be in [0, ", most, "], is ", value));
  };
  check("newcomer_share", newcomer_share, .5);
  check("bridging_share", bridging_share, .5);
  static constexpr const char* kLevels[kLocalLevels] = {
      "local_shares.district", "local_shares.regency", "local_shares.province"};
  for (size_t i = 0; i < kLocalLevels; ++i) {
    check(kLevels[i], local_shares[i], .5);
  }
  check("random_share", random_share, .2);
  CheckTies(ties, violations);
  check("fatigue", fatigue, 5);
  if (group_cap < 0 || group_cap > 10) {
    violations.Add("group_cap",
                   absl::StrCat("must be in [0, 10], is ", group_cap));
  }
  return violations.ToStatus();
}

const SectorTies* TiesFor(const RankingProfile& profile,
                          absl::Span<const taxonomy::SectorNumber> sectors) {
  const SectorTies* found = nullptr;
  if (sectors.empty()) return found;
  for (const SectorTies& one : profile.ties) {
    if (one.range.Contains(sectors[0]) &&
        (found == nullptr || one.sector.size() > found->sector.size())) {
      found = &one;
    }
  }
  return found;
}

const RankingProfile& RankingProfile::Default() {
  static const RankingProfile& profile = *new RankingProfile(MakeDefault());
  return profile;
}

}  // namespace mitra::matching
