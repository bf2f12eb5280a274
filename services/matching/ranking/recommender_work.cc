#include "services/matching/ranking/recommender_work.h"

#include <algorithm>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/base/prefetch.h"

namespace mitra::matching {
namespace {

// Members of the walk that are looked at for each that is wanted of it.
constexpr size_t kWalkLookedAt = 12;

}  // namespace

uint8_t MissingSignals(const MatchingView& view, const Subject& subject) {
  uint8_t missing = 0;
  if (!subject.stored() || view.graph.of(subject.index).size == 0) {
    missing |= kMissingTies;
  }
  if (subject.member->region == taxonomy::kNoRegion) missing |= kMissingRegion;
  if (subject.member->sectors.empty()) missing |= kMissingSectors;
  return missing;
}

v1::Role RecommendableRole(const EligibilityCheck& eligible,
                           const CompiledFilter* filter, const KindSpec& kind,
                           MemberIndex index, const Member& member,
                           v1::Role preferred, Eligibility& cause) {
  cause = Eligibility::kNoSuchRole;
  if (member.deleted) {
    cause = Eligibility::kGone;
    return v1::ROLE_UNSPECIFIED;
  }
  if ((kind.member_kinds >> member.kind & 1) == 0) return v1::ROLE_UNSPECIFIED;
  v1::Role found = v1::ROLE_UNSPECIFIED;
  for (const Facet& facet : member.facets) {
    const v1::Role role = static_cast<v1::Role>(facet.role);
    if ((kind.candidate_roles >> role & 1) == 0) continue;
    const Eligibility verdict = eligible(index, role);
    if (verdict != Eligibility::kEligible) {
      if (cause == Eligibility::kNoSuchRole) cause = verdict;
      continue;
    }
    if (filter != nullptr && !filter->Accepts(member, facet)) {
      if (cause == Eligibility::kNoSuchRole) cause = Eligibility::kEligible;
      continue;
    }
    if (role == preferred) {
      cause = Eligibility::kEligible;
      return role;
    }
    if (found == v1::ROLE_UNSPECIFIED) found = role;
  }
  if (found != v1::ROLE_UNSPECIFIED) cause = Eligibility::kEligible;
  return found;
}

void Recommender::Work::AddAll(const std::vector<Incoming>& incoming,
                               const Prices* prices) {
  constexpr size_t kPlaces = 16, kAhead = 8;
  for (size_t i = 0; i < incoming.size() + kPlaces; ++i) {
    if (i < incoming.size()) features.PrefetchPlace(incoming[i].index);
    const size_t next = i - (kPlaces - kAhead);
    if (next < incoming.size()) features.Prefetch(incoming[next].index);
    if (i < kPlaces) continue;
    const Incoming& one = incoming[i - kPlaces];
    Add(one.index, one.preferred, one.similarity, one.source, prices);
  }
}

int Recommender::Work::TakeIn(const Retrieved& found, const Prices* prices) {
  int retrieved = 0;
  std::vector<Incoming> incoming;
  incoming.reserve(found.candidates.size());
  items.reserve(found.candidates.size() + walked.size());
  seen.reserve(found.candidates.size() + walked.size());
  std::vector<absl::string_view> ids;
  ids.reserve(found.candidates.size());
  for (const auto& candidate : found.candidates) ids.push_back(candidate.id);
  const std::vector<MemberIndex> indexes = view.members.FindAll(ids);
  for (size_t i = 0; i < indexes.size(); ++i) {
    const Retrieved::Candidate& candidate = found.candidates[i];
    if (!candidate.also_scored) ++retrieved;
    const MemberIndex index = indexes[i];
    if (index == kNoMember) continue;
    incoming.push_back(
        {index,
         candidate.role,
         {found.need_missing ? kUnknown : candidate.give,
          found.offer_missing ? kUnknown : candidate.take},
         candidate.also_scored ? uint8_t{0} : uint8_t{kFromEmbedding}});
  }
  AddAll(incoming, prices);
  AddWalked(prices);
  return retrieved;
}

void Recommender::Work::AddWalked(const Prices* prices) {
  std::vector<Incoming> incoming;
  incoming.reserve(walked.size());
  for (const MemberIndex member : walked) {
    if (seen.contains(member)) continue;
    incoming.push_back({member, v1::ROLE_UNSPECIFIED, {kUnknown, kUnknown}, 0});
  }
  AddAll(incoming, prices);
}

void Recommender::Work::Add(MemberIndex index, v1::Role preferred,
                            Similarity similarity, uint8_t source,
                            const Prices* prices) {
  if (index == kNoMember || !seen.insert(index).second) return;
  const Member& member = view.members.at(index);
  if (query.listed != nullptr && query.listed->contains(member.id.view())) {
    return;
  }
  Eligibility cause;
  const v1::Role role = RecommendableRole(eligible, query.compiled, *query.kind,
                                          index, member, preferred, cause);
  if (role == v1::ROLE_UNSPECIFIED) {
    if (query.trace != nullptr) query.trace->Refuse(cause);
    return;
  }
  items.push_back(ScoreOne(index, member, role, similarity, source, prices));
}

Ranked Recommender::Work::ScoreOne(MemberIndex index, const Member& member,
                                   v1::Role role, Similarity similarity,
                                   uint8_t source, const Prices* prices) {
  Ranked ranked;
  ranked.member = index;
  ranked.role = role;
  ranked.incarnation = member.incarnation;
  ranked.similarity = similarity;
  ranked.trust = features.TrustIn(index);
  ranked.sources = source;
  if (ranked.trust > 0) ranked.sources |= kFromTrust;
  const FeatureVector vector = features.Of(index, member, *member.FacetOf(role),
                                           similarity, ranked.trust);
  if (!vector.Missing(Feature::kSameGroup) &&
      vector.Get(Feature::kSameGroup) > 0) {
    ranked.sources |= kFromCommunity;
  }
  ranked.score = utility.Score(
      vector,
      prices != nullptr ? prices->LogPriceOf(query.kind->kind, index) : 0);
  ranked.newcomer = vector.Get(Feature::kNewcomer) > 0;
  ranked.stranger = !vector.Missing(Feature::kSameGroup) &&
                    vector.Get(Feature::kSameGroup) == 0 &&
                    vector.Get(Feature::kCohesion) == 0;
  return ranked;
}

// A member's record costs a cache miss, so only the heaviest are looked at.
std::vector<MemberIndex> WalkCandidates(const MatchingView& view,
                                        const KindSpec& kind,
                                        const TrustVector& trust,
                                        size_t count) {
  constexpr size_t kAhead = 24;
  const size_t looked_at =
      std::min(trust.entries.size(), kWalkLookedAt * count);
  std::vector<TrustEntry> made;
  absl::Span<const TrustEntry> heaviest = trust.heaviest;
  if (heaviest.size() < looked_at) heaviest = made = trust.Top(looked_at);
  heaviest = heaviest.subspan(0, looked_at);
  std::vector<MemberIndex> members;
  members.reserve(count);
  for (size_t i = 0; i < heaviest.size() && members.size() < count; ++i) {
    const size_t begin = i == 0 ? 0 : i + kAhead - 1;
    for (size_t j = begin; j < std::min(i + kAhead, heaviest.size()); ++j) {
      PrefetchLine(&view.members.at(heaviest[j].member).role_bits);
    }
    const Member& member = view.members.at(heaviest[i].member);
    if ((member.role_bits & kind.candidate_roles) != 0 && !member.hidden &&
        (kind.member_kinds >> member.kind & 1) != 0) {
      members.push_back(heaviest[i].member);
    }
  }
  return members;
}

}  // namespace mitra::matching
