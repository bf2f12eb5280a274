#include "services/matching/explain/explanation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <forward_list>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
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

// A reason that is not put into words yet: most have no place in the answer.
struct Draft {
  v1::ReasonCode code = v1::REASON_CODE_UNSPECIFIED;
  float strength = 0;
  Phrase phrase = Phrase::kSimilarWords;
  Fill fills[3] = {};  // those without a placeholder are none
  v1::Resource resource = v1::RESOURCE_UNSPECIFIED;
  const InlineString* subject_item = nullptr;
  const InlineString* candidate_item = nullptr;
};

// One side's reasons.
class Drafts {
 public:
  Draft& Add(v1::ReasonCode code, float strength, Phrase phrase,
             std::initializer_list<Fill> fills = {}) {
    drafts_.emplace_back();
    Draft& draft = drafts_.back();
    draft.code = code;
    draft.strength = strength;
    draft.phrase = phrase;
    std::copy(fills.begin(), fills.end(), draft.fills);
    return draft;
  }
  // A text for a fill, kept as long as this.
  absl::string_view Keep(std::string text) {
    texts_.push_front(std::move(text));
    return texts_.front();
  }

  // The `max` strongest, of equal ones the first, in words.
  void Say(Language language, size_t max, bool for_candidate,
           v1::Recommendation& out) const {
    absl::InlinedVector<const Draft*, 24> order;
    for (const Draft& draft : drafts_) order.push_back(&draft);
    const size_t said = std::min(max, order.size());
    std::partial_sort(
        order.begin(), order.begin() + said, order.end(),
        [](const Draft* a, const Draft* b) {
          return a->strength != b->strength ? a->strength > b->strength : a < b;
        });
    for (size_t i = 0; i < said; ++i) {
      const Draft& draft = *order[i];
      v1::Reason& reason = *out.add_reasons();
      reason.set_code(draft.code);
      reason.set_text(
          matching::Say(language, draft.phrase,
                        {draft.fills[0], draft.fills[1], draft.fills[2]}));
      reason.set_weight(Weight(draft.strength));
      reason.set_for_candidate(for_candidate);
      reason.set_resource(draft.resource);
      if (draft.subject_item != nullptr) {
        reason.set_subject_item_id(std::string(draft.subject_item->view()));
      }
      if (draft.candidate_item != nullptr) {
        reason.set_candidate_item_id(std::string(draft.candidate_item->view()));
      }
    }
  }

 private:
  // In one piece of memory, so that addresses are in order.
  absl::InlinedVector<Draft, 16> drafts_;
  std::forward_list<std::string> texts_;
};

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
  DescribePathInto(view, subject, candidate, paths, language, out);
  return out;
}

void DescribePathInto(const MatchingView& view, const Subject& subject,
                      MemberIndex candidate, const TrustPaths& paths,
                      Language language, v1::TrustPath& out) {
  const Member& target = view.members.at(candidate);
  const absl::string_view name = target.display_name.view();
  if (paths.paths.empty()) {
    const bool known = !ReputationOf(view.graph, candidate).is_new;
    out.set_text(Say(language,
                     known ? Phrase::kPathNone : Phrase::kPathNoneKnown,
                     {{"candidate", name}}));
    return;
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
  DescribePathInto(view_, subject_, ranked.member, paths, language_,
                   *recommendation.mutable_path());
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
  Drafts mine;
  Drafts theirs;
  const auto add = [&](v1::ReasonCode code, float strength, Phrase phrase,
                       std::initializer_list<Fill> fills = {}) -> Draft& {
    return mine.Add(code, strength, phrase, fills);
  };
  const auto add_theirs = [&](v1::ReasonCode code, float strength,
                              Phrase phrase,
                              std::initializer_list<Fill> fills = {}) {
    if (kind_.costly_to_accept && strength > 0) {
      theirs.Add(code, strength, phrase, fills);
    }
  };

  // What the one gives and the other seeks; one reason per resource.
  uint32_t told = 0;
  for (const Cover& cover : detail.covered) {
    if ((told >> cover.need->resource & 1) != 0) continue;
    told |= 1u << cover.need->resource;
    const auto resource = static_cast<v1::Resource>(cover.need->resource);
    const absl::string_view word = ResourceWord(language_, resource);
    const float strength =
        std::max(0.f, wants(Feature::kNeedCovered)) + cover.fit;
    Draft& draft = cover.amount_fits
                       ? add(v1::REASON_CODE_OFFER_MEETS_NEED, strength,
                             Phrase::kOfferCoversAmount,
                             {{"name", name},
                              {"resource", word},
                              {"amount", mine.Keep(AmountText(*cover.offer))}})
                       : add(v1::REASON_CODE_OFFER_MEETS_NEED, strength,
                             Phrase::kOfferMeetsNeed,
                             {{"name", name}, {"resource", word}});
    draft.resource = resource;
    draft.subject_item = &cover.need->id;
    draft.candidate_item = &cover.offer->id;
  }
  told = 0;
  for (const Cover& cover : detail.wanted) {
    if (!kind_.costly_to_accept) break;
    if ((told >> cover.need->resource & 1) != 0) continue;
    told |= 1u << cover.need->resource;
    const float strength =
        std::max(0.f, accepts(Feature::kOfferWanted)) + cover.fit;
    if (strength <= 0) continue;
    const auto resource = static_cast<v1::Resource>(cover.need->resource);
    Draft& draft = theirs.Add(
        v1::REASON_CODE_NEED_MET_BY_SUBJECT, strength,
        Phrase::kNeedMetBySubject,
        {{"name", name}, {"resource", ResourceWord(language_, resource)}});
    draft.resource = resource;
    draft.subject_item = &cover.offer->id;
    draft.candidate_item = &cover.need->id;
  }

  if (!features.Missing(Feature::kGiveSimilarity) &&
      features.Get(Feature::kGiveSimilarity) >= kLeastSimilarity) {
    add(v1::REASON_CODE_SIMILAR_WORDS,
        std::max(kMinorWeight, wants(Feature::kGiveSimilarity)),
        Phrase::kSimilarWords, {{"name", name}});
  }
  if (!features.Missing(Feature::kTakeSimilarity) &&
      features.Get(Feature::kTakeSimilarity) >= kLeastSimilarity) {
    add_theirs(v1::REASON_CODE_SIMILAR_WORDS, accepts(Feature::kTakeSimilarity),
               Phrase::kForCandidateSimilarWords, {{"name", name}});
  }
  const absl::string_view sector = SharedSectorTitle(detail);
  if (features.Get(Feature::kSectorProximity) >= .4f &&
      !features.Missing(Feature::kSectorProximity)) {
    add(v1::REASON_CODE_SAME_SECTOR,
        std::max(kMinorWeight, wants(Feature::kSectorProximity)),
        sector.empty() ? Phrase::kSameSectorUnnamed : Phrase::kSameSector,
        {{"sector", sector}});
    add_theirs(v1::REASON_CODE_SAME_SECTOR, accepts(Feature::kSectorProximity),
               Phrase::kForCandidateSector, {{"name", name}});
  }
  const Place place = SharedPlace(*subject_.member, detail.nearness);
  if (!place.name.empty()) {
    add(v1::REASON_CODE_NEAR,
        std::max(kMinorWeight, wants(Feature::kRegionProximity)), place.phrase,
        {{"region", place.name}});
    add_theirs(v1::REASON_CODE_NEAR, accepts(Feature::kRegionProximity),
               Phrase::kForCandidateNear, {{"name", name}});
  }
  if (has_path) {
    add(v1::REASON_CODE_TRUST_PATH,
        std::max(kMinorWeight, wants(Feature::kTrust)),
        detail.direct_tie ? Phrase::kDirectTie : Phrase::kTrustPath,
        {{"name", name}});
    add_theirs(v1::REASON_CODE_TRUST_PATH, accepts(Feature::kTrust),
               Phrase::kForCandidateTrust, {{"name", name}});
  }
  if (features.Get(Feature::kReputation) >= kGoodReputation) {
    add(v1::REASON_CODE_REPUTATION,
        std::max(kMinorWeight, wants(Feature::kReputation)),
        Phrase::kReputation, {{"name", name}});
  }
  if (features.Get(Feature::kSubjectReputation) >= kGoodReputation) {
    add_theirs(v1::REASON_CODE_REPUTATION, accepts(Feature::kSubjectReputation),
               Phrase::kForCandidateReputation, {{"name", name}});
  }
  if (detail.shared_norms != 0) {
    const absl::string_view norms =
        mine.Keep(NormList(language_, detail.shared_norms));
    add(v1::REASON_CODE_SHARED_NORMS,
        std::max(kMinorWeight, wants(Feature::kSharedNorms)),
        Phrase::kSharedNorms, {{"norms", norms}});
    add_theirs(v1::REASON_CODE_SHARED_NORMS, accepts(Feature::kSharedNorms),
               Phrase::kForCandidateNorms, {{"name", name}, {"norms", norms}});
  }
  if (detail.common_group != kNoMember) {
    const Member& group = view_.members.at(detail.common_group);
    const bool named = !group.deleted && !group.hidden;
    add(v1::REASON_CODE_SAME_GROUP,
        std::max(kMinorWeight, wants(Feature::kSameGroup)),
        named ? Phrase::kSameGroup : Phrase::kSameGroupUnnamed,
        {{"group", group.display_name.view()}});
  }
  if (detail.common_ties > 0) {
    add(v1::REASON_CODE_COMMON_TIES,
        std::max(kMinorWeight, wants(Feature::kCohesion)), Phrase::kCommonTies,
        {{"count", mine.Keep(absl::StrCat(detail.common_ties))}});
  }
  if (facet.seats_counted && facet.seats_free > 0) {
    add(v1::REASON_CODE_SEATS_FREE, kMinorWeight, Phrase::kSeatsFree,
        {{"name", name}, {"count", mine.Keep(absl::StrCat(facet.seats_free))}});
  }
  if (!features.Missing(Feature::kResponsiveness) &&
      features.Get(Feature::kResponsiveness) >= .7f) {
    add(v1::REASON_CODE_RESPONSIVE,
        std::max(kMinorWeight, wants(Feature::kResponsiveness)),
        Phrase::kResponsive, {{"name", name}});
  }
  // That both speak Indonesian says nothing.
  const absl::string_view spoken =
      SharedLanguage(language_, detail.shared_languages & ~LanguageBit("id"));
  if (!spoken.empty()) {
    add(v1::REASON_CODE_SAME_LANGUAGE, kMinorWeight * 1.5f,
        Phrase::kSameLanguage, {{"language", spoken}});
  }
  if ((ranked.sources & kFromNewcomers) != 0) {
    add(v1::REASON_CODE_NEWCOMER, kMinorWeight * 1.2f, Phrase::kNewcomer,
        {{"name", name}});
  }
  mine.Say(language_, kMaxReasons, false, recommendation);
  theirs.Say(language_, kMaxCandidateReasons, true, recommendation);
}

}  // namespace mitra::matching
