#include "services/matching/ranking/pair_features.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "common/base/prefetch.h"
#include "common/taxonomy/sector.h"
#include "common/taxonomy/unit.h"
#include "services/matching/trust/reputation.h"
#include "services/matching/trust/warnings.h"

namespace mitra::matching {
namespace {

// Members below the strongest by this factor have the least trust shown.
constexpr double kTrustDecades = 4;
constexpr float kLeastTrust = .1f;

// What an amount or a sector that one side does not state counts as.
constexpr float kUnstated = .85f;

// How much a norm says when both keep it: what few keep says more.
constexpr float kNormWeight[] = {0, 1, 1, 1.5f, 1.5f, 1.5f, .8f, .6f, .8f};

float NormWeight(uint32_t bits) {
  float sum = 0;
  for (; bits != 0; bits &= bits - 1) {
    const int norm = std::countr_zero(bits);
    sum += norm < static_cast<int>(std::size(kNormWeight)) ? kNormWeight[norm]
                                                           : 1.f;
  }
  return sum;
}

// Share of `needed` that `offered` covers, or kUnstated.
float AmountFit(const Item& need, const Item& offer, bool& fits) {
  fits = false;
  if (need.money_units > 0 && offer.money_units > 0) {
    if (std::strcmp(need.currency, offer.currency) != 0) return kUnstated;
    fits = offer.money_units >= need.money_units;
    return std::min(1.f, static_cast<float>(offer.money_units) /
                             static_cast<float>(need.money_units));
  }
  if (need.quantity > 0 && offer.quantity > 0) {
    double offered = offer.quantity;
    if (std::strcmp(need.unit, offer.unit) != 0) {
      const auto converted =
          taxonomy::Convert(offer.quantity, offer.unit, need.unit);
      if (!converted.ok()) return kUnstated;
      offered = *converted;
    }
    fits = offered >= need.quantity;
    return static_cast<float>(std::min(1., offered / need.quantity));
  }
  return kUnstated;
}

// Nearness of the sectors that two items are about; an item without sectors is
// about its member's.
float SectorsFit(absl::Span<const taxonomy::SectorNumber> need,
                 absl::Span<const taxonomy::SectorNumber> need_owner,
                 absl::Span<const taxonomy::SectorNumber> offer,
                 absl::Span<const taxonomy::SectorNumber> offer_owner) {
  if (need.empty() && offer.empty()) return kUnstated;
  if (need.empty()) need = need_owner;
  if (offer.empty()) offer = offer_owner;
  if (need.empty() || offer.empty()) return kUnstated;
  float nearest = 0;
  for (const taxonomy::SectorNumber a : need) {
    for (const taxonomy::SectorNumber b : offer) {
      nearest = std::max(nearest, taxonomy::SectorProximity(a, b));
    }
  }
  return .5f + .5f * nearest;
}

Cover BestCover(const Item& need,
                absl::Span<const taxonomy::SectorNumber> need_owner,
                absl::Span<const Item* const> offers,
                absl::Span<const taxonomy::SectorNumber> offer_owner) {
  Cover best;
  for (const Item* offer : offers) {
    if (offer->resource != need.resource || offer->expired) continue;
    bool fits = false;
    const float amount = AmountFit(need, *offer, fits);
    const float fit =
        (.4f + .6f * amount) *
        SectorsFit(need.sectors, need_owner, offer->sectors, offer_owner);
    if (fit > best.fit) best = {&need, offer, fit, fits};
  }
  return best;
}

// Mean fit of those needs that are of `resources`; `count` says how many.
template <typename Needs>
float CoverAll(const Needs& needs,
               absl::Span<const taxonomy::SectorNumber> need_owner,
               absl::Span<const Item* const> offers,
               absl::Span<const taxonomy::SectorNumber> offer_owner,
               uint32_t resources, int& count,
               absl::InlinedVector<Cover, 4>* covers) {
  float sum = 0;
  count = 0;
  for (const Item* need : needs) {
    if (need->expired || (resources >> need->resource & 1) == 0) continue;
    ++count;
    const Cover cover = BestCover(*need, need_owner, offers, offer_owner);
    sum += cover.fit;
    if (covers != nullptr && cover.need != nullptr) covers->push_back(cover);
  }
  if (covers != nullptr) {
    std::stable_sort(
        covers->begin(), covers->end(),
        [](const Cover& a, const Cover& b) { return a.fit > b.fit; });
  }
  return count > 0 ? sum / static_cast<float>(count) : 0;
}

using Items = absl::InlinedVector<const Item*, 16>;

Items LiveItems(absl::Span<const Item> items) {
  Items live;
  for (const Item& item : items) {
    if (!item.expired) live.push_back(&item);
  }
  return live;
}

uint64_t MixIndex(MemberIndex member) { return member * 0x9E3779B97F4A7C15ull; }

bool IsGroupFacts(const TieFacts& facts) {
  return ((facts.out_kind | facts.in_kind) & TieFacts::kGroupFlag) != 0;
}

}  // namespace

uint32_t CountingRoles(const Member& subject, const KindSpec& kind,
                       uint32_t asked) {
  const uint32_t wanted = asked != 0 ? asked : kind.subject_roles;
  const uint32_t have = subject.role_bits & wanted;
  return have != 0 ? have : subject.role_bits;
}

TrustScale::TrustScale(const TrustVector* trust) : trust_(trust) {
  if (trust_ == nullptr) return;
  if (!trust_->heaviest.empty()) {
    strongest_ = trust_->heaviest[0].mass;
    return;
  }
  for (const TrustEntry& entry : trust_->entries) {
    strongest_ = std::max<double>(strongest_, entry.mass);
  }
}

float TrustScale::Of(MemberIndex member) const {
  if (strongest_ <= 0) return 0;
  return OfMass(trust_->MassOf(member));
}

float TrustScale::OfMass(double mass) const {
  if (!(mass > 0) || strongest_ <= 0) return 0;
  const double decades = std::log10(mass / strongest_);
  const double share = std::clamp(1 + decades / kTrustDecades, 0., 1.);
  return kLeastTrust + (1 - kLeastTrust) * static_cast<float>(share);
}

PairFeatures::PairFeatures(const MemberView& members, const GraphView& graph,
                           const Subject& subject, const KindSpec& kind,
                           uint32_t roles, const TrustVector* trust)
    : members_(members),
      graph_(graph),
      subject_(subject),
      member_(*subject.member),
      kind_(kind),
      scale_(trust) {
  for (const Facet& facet : member_.facets) {
    if ((roles >> facet.role & 1) == 0) continue;
    need_bits_ |= facet.need_bits;
    offer_bits_ |= facet.offer_bits;
    for (const Item& item : facet.needs) {
      if (!item.expired) needs_.push_back(&item);
    }
    for (const Item& item : facet.offers) {
      if (!item.expired) offers_.push_back(&item);
    }
  }
  if (!subject_.stored()) return;
  neighbours_ = graph_.of(subject_.index);
  has_ties_ = neighbours_.size > 0;
  const Reputation reputation = ReputationOf(*neighbours_.node);
  subject_has_reputation_ = !reputation.is_new;
  subject_reputation_ = static_cast<float>(reputation.value);
  if (!has_ties_) return;
  // 16 bits for each neighbour: one false alarm in 16.
  neighbour_bits_.resize(
      std::bit_ceil(std::max<size_t>(1, neighbours_.size / 4)));
  for (const WalkEdge& edge : neighbours_.walk()) {
    const uint64_t hash = MixIndex(edge.to);
    neighbour_bits_[(hash >> 6) & (neighbour_bits_.size() - 1)] |=
        1ull << (hash >> 58);
  }
}

const PairFeatures::SectorFit& PairFeatures::FitOf(
    taxonomy::SectorNumber sector) const {
  auto [at, inserted] = sector_fits_.try_emplace(sector);
  SectorFit& fit = at->second;
  if (!inserted) return fit;
  for (const taxonomy::SectorNumber mine : member_.sectors) {
    fit.nearness =
        std::min(fit.nearness, taxonomy::SectorDistance(mine, sector));
    fit.proximity =
        std::max(fit.proximity, taxonomy::SectorProximity(mine, sector));
    if (taxonomy::IsSupplyRelated(sector, mine) ||
        taxonomy::IsSupplyRelated(mine, sector)) {
      fit.supply = 1;
    }
  }
  return fit;
}

void PairFeatures::ReadPlace(const Member& member, FeatureVector& features,
                             PairDetail* detail) const {
  if (member_.region != taxonomy::kNoRegion &&
      member.region != taxonomy::kNoRegion) {
    features.Set(Feature::kRegionProximity,
                 taxonomy::RegionProximity(member_.region, member.region));
    if (detail != nullptr) {
      detail->nearness =
          taxonomy::RegionDistance(member_.region, member.region);
    }
  }
  if (!member_.sectors.empty() && !member.sectors.empty()) {
    SectorFit best;
    taxonomy::SectorNumber nearest = taxonomy::kNoSector;
    float supply = 0;
    for (const taxonomy::SectorNumber sector : member.sectors) {
      const SectorFit& fit = FitOf(sector);
      supply = std::max(supply, fit.supply);
      if (nearest == taxonomy::kNoSector || fit.proximity > best.proximity) {
        nearest = sector;
        best = fit;
      }
    }
    features.Set(Feature::kSectorProximity, best.proximity);
    features.Set(Feature::kSupplyRelation, supply);
    if (detail != nullptr) {
      detail->shared_sector = nearest;
      detail->sector_nearness = best.nearness;
      detail->supply_related = supply > 0;
    }
  }
  const uint32_t either = member_.norm_bits | member.norm_bits;
  if (member_.norm_bits != 0 && member.norm_bits != 0) {
    const uint32_t both = member_.norm_bits & member.norm_bits;
    features.Set(Feature::kSharedNorms, NormWeight(both) / NormWeight(either));
    if (detail != nullptr) detail->shared_norms = both;
  }
  if (member_.languages != 0 && member.languages != 0) {
    const uint64_t both = member_.languages & member.languages;
    features.Set(Feature::kSameLanguage, both != 0 ? 1 : 0);
    if (detail != nullptr) detail->shared_languages = both;
  }
  if (member_.scale != 0 && member.scale != 0) {
    const int steps = member.scale - member_.scale;
    features.Set(Feature::kAhead, steps == 1   ? 1
                                  : steps == 0 ? .6f
                                  : steps > 1  ? .4f
                                               : .2f);
  }
}

void PairFeatures::ReadCoverage(const Member& member, const Facet& facet,
                                FeatureVector& features,
                                PairDetail* detail) const {
  // A side that states nothing is unknown; one that states other things does
  // not cover.
  if ((need_bits_ & kind_.gives) != 0 && facet.offer_bits != 0) {
    float covered = 0;
    if ((need_bits_ & kind_.gives & facet.offer_bits) != 0) {
      int count = 0;
      covered = CoverAll(needs_, member_.sectors, LiveItems(facet.offers),
                         member.sectors, kind_.gives, count,
                         detail != nullptr ? &detail->covered : nullptr);
    }
    features.Set(Feature::kNeedCovered, covered);
  }
  if (offer_bits_ != 0 && (facet.need_bits & kind_.takes) != 0) {
    float wanted = 0;
    if ((offer_bits_ & kind_.takes & facet.need_bits) != 0) {
      int count = 0;
      wanted = CoverAll(LiveItems(facet.needs), member.sectors, offers_,
                        member_.sectors, kind_.takes, count,
                        detail != nullptr ? &detail->wanted : nullptr);
    }
    features.Set(Feature::kOfferWanted, wanted);
  }
}

void PairFeatures::ReadTies(MemberIndex candidate, FeatureVector& features,
                            PairDetail* detail) const {
  const Neighbours theirs = graph_.of(candidate);
  const Reputation reputation = ReputationOf(*theirs.node);
  features.Set(Feature::kNewcomer, reputation.is_new ? 1 : 0);
  if (!reputation.is_new) {
    features.Set(Feature::kReputation, static_cast<float>(reputation.value));
  }
  if (subject_has_reputation_) {
    features.Set(Feature::kSubjectReputation, subject_reputation_);
  }
  if (!has_ties_ || theirs.size == 0) return;

  uint32_t common = 0;
  Warnings warnings;
  if (const int64_t at = neighbours_.PositionOf(candidate); at >= 0) {
    warnings.AddOwn(OutTie(neighbours_.facts[at]));
  }
  uint32_t group_size = 0;
  MemberIndex group = kNoMember;
  for (uint32_t i = 0; i < theirs.size; ++i) {
    const MemberIndex other = theirs.edges[i].to;
    const uint64_t hash = MixIndex(other);
    if ((neighbour_bits_[(hash >> 6) & (neighbour_bits_.size() - 1)] >>
             (hash >> 58) &
         1) == 0) {
      continue;
    }
    const int64_t at = neighbours_.PositionOf(other);
    if (at < 0) continue;
    if (!IsGroupFacts(theirs.facts[i]) ||
        !IsGroupFacts(neighbours_.facts[at])) {
      ++common;
      warnings.Add(OutTie(neighbours_.facts[at]), InTie(theirs.facts[i]));
      continue;
    }
    const uint32_t size = std::max(1u, graph_.of(other).node->group_size);
    if (group == kNoMember || size < group_size) {
      group = other;
      group_size = size;
    }
  }
  const float degrees =
      static_cast<float>(theirs.size) * static_cast<float>(neighbours_.size);
  features.Set(Feature::kCohesion,
               std::min(1.f, static_cast<float>(common) / std::sqrt(degrees)));
  features.Set(Feature::kWarnings, warnings.value());
  features.Set(
      Feature::kSameGroup,
      group == kNoMember
          ? 0
          : 1 / (1 +
                 std::max(0.f, std::log2(static_cast<float>(group_size) / 8))));
  if (detail != nullptr) {
    detail->common_ties = common;
    detail->common_group = group;
    detail->common_group_size = group_size;
    detail->direct_tie = neighbours_.PositionOf(candidate) >= 0;
  }
}

void PairFeatures::PrefetchPlace(MemberIndex candidate) const {
  members_.PrefetchPlace(candidate);
  if (candidate < graph_.size()) graph_.PrefetchPlace(candidate);
  scale_.Prefetch(candidate);
}

void PairFeatures::Prefetch(MemberIndex candidate) const {
  // The fixed part, one facet and its items of a usual record.
  PrefetchBytes(&members_.at(candidate), 12 * kCacheLine);
  const Neighbours theirs = graph_.of(candidate);
  PrefetchLine(theirs.node);
  if (!has_ties_) return;
  // Of the neighbours most are not the subject's, and have no facts read.
  constexpr size_t kMostTies = 512;
  PrefetchBytes(theirs.edges,
                std::min(theirs.size * sizeof(WalkEdge), kMostTies));
}

FeatureVector PairFeatures::Of(MemberIndex candidate, const Member& member,
                               const Facet& facet, const Similarity& similarity,
                               float trust, PairDetail* detail) const {
  FeatureVector features;
  features.Set(Feature::kGiveSimilarity, similarity.give);
  features.Set(Feature::kTakeSimilarity, similarity.take);
  ReadCoverage(member, facet, features, detail);
  ReadPlace(member, features, detail);
  ReadTies(candidate, features, detail);
  if (facet.seats_counted && facet.seats_total > 0) {
    features.Set(Feature::kSeatsFree,
                 static_cast<float>(facet.seats_free) /
                     static_cast<float>(facet.seats_total));
  }
  if (member.answers > 0) {
    features.Set(Feature::kResponsiveness, member.responsiveness());
  }
  features.Set(Feature::kCandidateVerified, member.verified ? 1 : 0);
  features.Set(Feature::kSubjectVerified, member_.verified ? 1 : 0);
  if (trust > 0) features.Set(Feature::kTrust, trust);
  return features;
}

}  // namespace mitra::matching
