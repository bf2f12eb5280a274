#include "services/matching/explain/explanation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "mitra/v1/relation.pb.h"
#include "services/matching/trust/reputation.h"

namespace mitra::matching {
namespace {

constexpr size_t kMaxReasons = 6;
constexpr size_t kMaxCandidateReasons = 3;
// A resemblance below this is chance.
constexpr float kLeastSimilarity = .2f;
constexpr double kGoodReputation = .5;
// What is always nice to know, but never a strong reason.
constexpr float kMinorWeight = .08f;

// Log odds to a weight in [0, 1).
double Weight(float log_odds) {
  return log_odds > 0 ? 1 - std::exp(-static_cast<double>(log_odds)) : 0;
}

// Region name at the deepest level that both share.
struct Place {
  Phrase phrase = Phrase::kSameProvince;
  absl::string_view name;
};
Place SharedPlace(const Member& subject, taxonomy::RegionNearness nearness) {
  Place place;
  int level = 0;
  switch (nearness) {
    case taxonomy::RegionNearness::kSameDistrict:
      place.phrase = Phrase::kSameDistrict;
      level = 3;
      break;
    case taxonomy::RegionNearness::kSameRegency:
      place.phrase = Phrase::kSameRegency;
      level = 2;
      break;
    case taxonomy::RegionNearness::kSameProvince:
      place.phrase = Phrase::kSameProvince;
      level = 1;
      break;
    default:
      return place;
  }
  const absl::string_view code = taxonomy::RegionCodeAt(subject.region);
  absl::string_view at = taxonomy::AncestorAt(code, level);
  if (at.empty()) at = code;  // the subject names only its province, say
  place.name = taxonomy::RegionName(at);
  return place;
}

absl::string_view SharedSectorTitle(const PairDetail& detail) {
  size_t digits = 0;
  switch (detail.sector_nearness) {
    case taxonomy::SectorNearness::kSameSubclass:
      digits = 5;
      break;
    case taxonomy::SectorNearness::kSameClass:
      digits = 4;
      break;
    case taxonomy::SectorNearness::kSameGroup:
      digits = 3;
      break;
    case taxonomy::SectorNearness::kSameDivision:
      digits = 2;
      break;
    default:
      return "";
  }
  return taxonomy::SectorTitle(
      taxonomy::SectorCodeAt(detail.shared_sector).substr(0, digits));
}

std::string NormList(Language language, uint32_t norms) {
  std::vector<absl::string_view> words;
  for (; norms != 0; norms &= norms - 1) {
    words.push_back(
        NormWord(language, static_cast<v1::NormKind>(std::countr_zero(norms))));
  }
  return Enumerate(language, words);
}

std::string AmountText(const Item& offer) {
  if (offer.money_units > 0) {
    const absl::string_view currency(offer.currency);
    // 1500000 → 1.500.000
    std::string digits = absl::StrCat(offer.money_units);
    for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
      digits.insert(static_cast<size_t>(at), ".");
    }
    return absl::StrCat(currency == "IDR" ? "Rp" : currency,
                        currency == "IDR" ? "" : " ", digits);
  }
  return absl::StrCat(offer.quantity, " ", offer.unit);
}

struct Draft {
  v1::Reason reason;
  float strength = 0;
};

void Take(std::vector<Draft>& drafts, size_t max, v1::Recommendation& out) {
  std::stable_sort(
      drafts.begin(), drafts.end(),
      [](const Draft& a, const Draft& b) { return a.strength > b.strength; });
  for (size_t i = 0; i < drafts.size() && i < max; ++i) {
    drafts[i].reason.set_weight(Weight(drafts[i].strength));
    *out.add_reasons() = std::move(drafts[i].reason);
  }
}

// May the member be named to the subject on a path?
bool MayName(const MatchingView& view, const Subject& subject,
             MemberIndex member) {
  const Member& m = view.members.at(member);
  return !m.deleted && !m.hidden &&
         m.Consents(v1::CONSENT_PURPOSE_PATH_NAMING) &&
         !(subject.stored() && view.members.Blocked(subject.index, member));
}

// The subject and enough others are members of a group with it.
bool IsOneOfMany(const MatchingView& view, const Subject& subject,
                 MemberIndex member) {
  if (!subject.stored()) return false;
  const MemberIndex group = view.graph.CommonGroup(subject.index, member);
  if (group == kNoMember) return false;
  const Member& m = view.members.at(group);
  // The subject knows that it is not itself who is meant.
  return m.kind == v1::MEMBER_KIND_GROUP &&
         view.graph.of(group).node->group_size >= kAnonymity + 1;
}

}  // namespace

v1::TrustPath DescribePath(const MatchingView& view, const Subject& subject,
                           MemberIndex candidate, const TrustPaths& paths,
                           Language language) {
  v1::TrustPath out;
  const Member& target = view.members.at(candidate);
  const absl::string_view name = target.display_name.view();
  if (paths.paths.empty()) {
    const bool known = !ReputationOf(view.graph, candidate).is_new;
    out.set_text(Say(language,
                     known ? Phrase::kPathNone : Phrase::kPathNoneKnown,
                     {{"candidate", name}}));
    return out;
  }
  const TrustPath& best = paths.paths[0];
  std::vector<std::string> between;
  for (const PathHop& hop : best.hops) {
    v1::PathHop& described = *out.add_hops();
    described.set_trust(std::clamp(hop.trust, 0., 1.));
    described.set_tie_text(std::string(
        TieWord(language, static_cast<v1::EvidenceKind>(hop.kind))));
    const Member& member = view.members.at(hop.to);
    if (hop.to == candidate || MayName(view, subject, hop.to)) {
      described.set_profile_id(std::string(member.id.view()));
      described.set_label(std::string(member.display_name.view()));
    } else {
      described.set_label(std::string(Template(
          language, IsOneOfMany(view, subject, hop.to) ? Phrase::kFellowMember
                                                       : Phrase::kAnonymous)));
    }
    if (hop.to != candidate) between.push_back(described.label());
  }
  out.set_strength(std::clamp(best.strength, 0., 1.));
  out.set_disjoint_paths(
      static_cast<uint32_t>(std::min<size_t>(3, paths.paths.size())));
  std::string text;
  if (between.empty()) {
    text = Say(language, Phrase::kPathDirect,
               {{"candidate", name}, {"tie", out.hops(0).tie_text()}});
  } else if (between.size() == 1) {
    text = Say(language, Phrase::kPathOne,
               {{"candidate", name}, {"first", between[0]}});
  } else {
    text = Say(
        language, Phrase::kPathTwo,
        {{"candidate", name}, {"first", between[0]}, {"second", between[1]}});
  }
  if (out.disjoint_paths() > 1) {
    text = Say(language, Phrase::kPathSeveral,
               {{"path", text}, {"count", absl::StrCat(out.disjoint_paths())}});
  }
  out.set_text(std::move(text));
  return out;
}

Explainer::Explainer(const MatchingView& view, const Subject& subject,
                     const KindSpec& kind, const PairFeatures& features,
                     const JointUtility& utility, Language language,
                     std::vector<MemberIndex>* mentioned)
    : view_(view),
      subject_(subject),
      kind_(kind),
      features_(features),
      utility_(utility),
      language_(language),
      mentioned_(mentioned) {}

void Explainer::Explain(const Ranked& ranked, v1::ExplanationLevel level,
                        v1::Recommendation& recommendation) const {
  if (mentioned_ != nullptr) mentioned_->push_back(ranked.member);
  if (level == v1::EXPLANATION_LEVEL_NONE) return;
  const Member& member = view_.members.at(ranked.member);
  const Facet* facet = member.FacetOf(ranked.role);
  if (facet == nullptr) return;
  PairDetail detail;
  const FeatureVector features = features_.Of(
      ranked.member, member, *facet, ranked.similarity, ranked.trust, &detail);
  TrustPaths paths;
  // The walk reaches further than 3 hops, so who was not reached has no path.
  if (subject_.stored() && (ranked.trust > 0 || detail.direct_tie)) {
    paths = FindTrustPaths(view_.graph, subject_.index, ranked.member);
  }
  if (mentioned_ != nullptr) {
    if (!paths.paths.empty()) {
      for (const PathHop& hop : paths.paths[0].hops) {
        mentioned_->push_back(hop.to);
      }
    }
    if (detail.common_group != kNoMember) {
      mentioned_->push_back(detail.common_group);
    }
  }
  *recommendation.mutable_path() =
      DescribePath(view_, subject_, ranked.member, paths, language_);
  AddReasons(ranked, features, detail, !paths.paths.empty(), recommendation);
  if (level != v1::EXPLANATION_LEVEL_FULL) return;
  // The price is what the stored key has beyond the features of now.
  for (const KeyTerm& term : utility_.Terms(features)) {
    v1::ScoreTerm& out = *recommendation.add_terms();
    out.set_name(std::string(term.name));
    out.set_value(term.value);
    out.set_contribution(term.contribution);
    out.set_missing(term.missing);
  }
}

void Explainer::AddReasons(const Ranked& ranked, const FeatureVector& features,
                           const PairDetail& detail, bool has_path,
                           v1::Recommendation& recommendation) const {
  const Member& member = view_.members.at(ranked.member);
  const Facet& facet = *member.FacetOf(ranked.role);
  const absl::string_view name = member.display_name.view();
  const auto wants = [&](Feature f) { return utility_.WantsTerm(features, f); };
  const auto accepts = [&](Feature f) {
    return utility_.AcceptsTerm(features, f);
  };
  std::vector<Draft> mine;
  std::vector<Draft> theirs;
  const auto add = [&](v1::ReasonCode code, float strength, std::string text) {
    mine.emplace_back();
    mine.back().reason.set_code(code);
    mine.back().reason.set_text(std::move(text));
    mine.back().strength = strength;
  };
  const auto add_theirs = [&](v1::ReasonCode code, float strength,
                              std::string text) {
    if (!kind_.costly_to_accept || strength <= 0) return;
    theirs.emplace_back();
    theirs.back().reason.set_code(code);
    theirs.back().reason.set_text(std::move(text));
    theirs.back().reason.set_for_candidate(true);
    theirs.back().strength = strength;
  };

  // What the one gives and the other seeks; one reason per resource.
  uint32_t told = 0;
  for (const Cover& cover : detail.covered) {
    if ((told >> cover.need->resource & 1) != 0) continue;
    told |= 1u << cover.need->resource;
    const auto resource = static_cast<v1::Resource>(cover.need->resource);
    const absl::string_view word = ResourceWord(language_, resource);
    add(v1::REASON_CODE_OFFER_MEETS_NEED,
        std::max(0.f, wants(Feature::kNeedCovered)) + cover.fit,
        cover.amount_fits ? Say(language_, Phrase::kOfferCoversAmount,
                                {{"name", name},
                                 {"resource", word},
                                 {"amount", AmountText(*cover.offer)}})
                          : Say(language_, Phrase::kOfferMeetsNeed,
                                {{"name", name}, {"resource", word}}));
    mine.back().reason.set_resource(resource);
    mine.back().reason.set_subject_item_id(std::string(cover.need->id.view()));
    mine.back().reason.set_candidate_item_id(
        std::string(cover.offer->id.view()));
  }
  told = 0;
  for (const Cover& cover : detail.wanted) {
    if (!kind_.costly_to_accept) break;
    if ((told >> cover.need->resource & 1) != 0) continue;
    told |= 1u << cover.need->resource;
    const auto resource = static_cast<v1::Resource>(cover.need->resource);
    add_theirs(
        v1::REASON_CODE_NEED_MET_BY_SUBJECT,
        std::max(0.f, accepts(Feature::kOfferWanted)) + cover.fit,
        Say(language_, Phrase::kNeedMetBySubject,
            {{"name", name}, {"resource", ResourceWord(language_, resource)}}));
    theirs.back().reason.set_resource(resource);
    theirs.back().reason.set_subject_item_id(
        std::string(cover.offer->id.view()));
    theirs.back().reason.set_candidate_item_id(
        std::string(cover.need->id.view()));
  }

  if (!features.Missing(Feature::kGiveSimilarity) &&
      features.Get(Feature::kGiveSimilarity) >= kLeastSimilarity) {
    add(v1::REASON_CODE_SIMILAR_WORDS,
        std::max(kMinorWeight, wants(Feature::kGiveSimilarity)),
        Say(language_, Phrase::kSimilarWords, {{"name", name}}));
  }
  if (!features.Missing(Feature::kTakeSimilarity) &&
      features.Get(Feature::kTakeSimilarity) >= kLeastSimilarity) {
    add_theirs(
        v1::REASON_CODE_SIMILAR_WORDS, accepts(Feature::kTakeSimilarity),
        Say(language_, Phrase::kForCandidateSimilarWords, {{"name", name}}));
  }
  const absl::string_view sector = SharedSectorTitle(detail);
  if (features.Get(Feature::kSectorProximity) >= .4f &&
      !features.Missing(Feature::kSectorProximity)) {
    add(v1::REASON_CODE_SAME_SECTOR,
        std::max(kMinorWeight, wants(Feature::kSectorProximity)),
        sector.empty()
            ? Say(language_, Phrase::kSameSectorUnnamed)
            : Say(language_, Phrase::kSameSector, {{"sector", sector}}));
    add_theirs(v1::REASON_CODE_SAME_SECTOR, accepts(Feature::kSectorProximity),
               Say(language_, Phrase::kForCandidateSector, {{"name", name}}));
  }
  const Place place = SharedPlace(*subject_.member, detail.nearness);
  if (!place.name.empty()) {
    add(v1::REASON_CODE_NEAR,
        std::max(kMinorWeight, wants(Feature::kRegionProximity)),
        Say(language_, place.phrase, {{"region", place.name}}));
    add_theirs(v1::REASON_CODE_NEAR, accepts(Feature::kRegionProximity),
               Say(language_, Phrase::kForCandidateNear, {{"name", name}}));
  }
  if (has_path) {
    add(v1::REASON_CODE_TRUST_PATH,
        std::max(kMinorWeight, wants(Feature::kTrust)),
        Say(language_,
            detail.direct_tie ? Phrase::kDirectTie : Phrase::kTrustPath,
            {{"name", name}}));
    add_theirs(v1::REASON_CODE_TRUST_PATH, accepts(Feature::kTrust),
               Say(language_, Phrase::kForCandidateTrust, {{"name", name}}));
  }
  if (features.Get(Feature::kReputation) >= kGoodReputation) {
    add(v1::REASON_CODE_REPUTATION,
        std::max(kMinorWeight, wants(Feature::kReputation)),
        Say(language_, Phrase::kReputation, {{"name", name}}));
  }
  if (features.Get(Feature::kSubjectReputation) >= kGoodReputation) {
    add_theirs(
        v1::REASON_CODE_REPUTATION, accepts(Feature::kSubjectReputation),
        Say(language_, Phrase::kForCandidateReputation, {{"name", name}}));
  }
  if (detail.shared_norms != 0) {
    const std::string norms = NormList(language_, detail.shared_norms);
    add(v1::REASON_CODE_SHARED_NORMS,
        std::max(kMinorWeight, wants(Feature::kSharedNorms)),
        Say(language_, Phrase::kSharedNorms, {{"norms", norms}}));
    add_theirs(v1::REASON_CODE_SHARED_NORMS, accepts(Feature::kSharedNorms),
               Say(language_, Phrase::kForCandidateNorms,
                   {{"name", name}, {"norms", norms}}));
  }
  if (detail.common_group != kNoMember) {
    const Member& group = view_.members.at(detail.common_group);
    const bool named = !group.deleted && !group.hidden;
    add(v1::REASON_CODE_SAME_GROUP,
        std::max(kMinorWeight, wants(Feature::kSameGroup)),
        named ? Say(language_, Phrase::kSameGroup,
                    {{"group", group.display_name.view()}})
              : Say(language_, Phrase::kSameGroupUnnamed));
  }
  if (detail.common_ties > 0) {
    add(v1::REASON_CODE_COMMON_TIES,
        std::max(kMinorWeight, wants(Feature::kCohesion)),
        Say(language_, Phrase::kCommonTies,
            {{"count", absl::StrCat(detail.common_ties)}}));
  }
  if (facet.seats_counted && facet.seats_free > 0) {
    add(v1::REASON_CODE_SEATS_FREE, kMinorWeight,
        Say(language_, Phrase::kSeatsFree,
            {{"name", name}, {"count", absl::StrCat(facet.seats_free)}}));
  }
  if (!features.Missing(Feature::kResponsiveness) &&
      features.Get(Feature::kResponsiveness) >= .7f) {
    add(v1::REASON_CODE_RESPONSIVE,
        std::max(kMinorWeight, wants(Feature::kResponsiveness)),
        Say(language_, Phrase::kResponsive, {{"name", name}}));
  }
  // That both speak Indonesian says nothing.
  const absl::string_view spoken =
      SharedLanguage(language_, detail.shared_languages & ~LanguageBit("id"));
  if (!spoken.empty()) {
    add(v1::REASON_CODE_SAME_LANGUAGE, kMinorWeight * 1.5f,
        Say(language_, Phrase::kSameLanguage, {{"language", spoken}}));
  }
  if ((ranked.sources & kFromNewcomers) != 0) {
    add(v1::REASON_CODE_NEWCOMER, kMinorWeight * 1.2f,
        Say(language_, Phrase::kNewcomer, {{"name", name}}));
  }
  Take(mine, kMaxReasons, recommendation);
  Take(theirs, kMaxCandidateReasons, recommendation);
}

}  // namespace mitra::matching
