#include "services/matching/members/eligibility.h"

#include <algorithm>

#include "mitra/v1/member.pb.h"

namespace mitra::matching {
namespace {

bool IsOpen(const Member& member, int64_t now) {
  switch (member.kind) {
    case v1::MEMBER_KIND_EVENT:
      return member.window_end == 0 || now < member.window_end;
    case v1::MEMBER_KIND_PROGRAMME:
      return now >= member.window_start &&
             (member.window_end == 0 || now < member.window_end);
    default:
      return true;
  }
}

bool IsEngaged(absl::Span<const Engaged> engaged, MemberIndex candidate,
               v1::Role role) {
  const auto at = std::lower_bound(
      engaged.begin(), engaged.end(), candidate,
      [](const Engaged& one, MemberIndex index) { return one.other < index; });
  return at != engaged.end() && at->other == candidate &&
         (at->hidden_roles & BitOf(role)) != 0;
}

// Any of the roles in which the subject may act takes the candidate.
bool SubjectAccepts(const Member& subject, v1::Role subject_role,
                    const Member& candidate, v1::Role role) {
  const uint32_t roles = BitOf(role);
  if (const Facet* facet = subject.FacetOf(subject_role)) {
    return Accepts(facet->acceptance, candidate, roles);
  }
  return subject.facets.empty() ||
         std::any_of(subject.facets.begin(), subject.facets.end(),
                     [&](const Facet& facet) {
                       return Accepts(facet.acceptance, candidate, roles);
                     });
}

}  // namespace

absl::string_view EligibilityName(Eligibility eligibility) {
  switch (eligibility) {
    case Eligibility::kEligible:
      return "eligible";
    case Eligibility::kSubjectGone:
      return "subject_gone";
    case Eligibility::kGone:
      return "gone";
    case Eligibility::kSelf:
      return "self";
    case Eligibility::kWrongIncarnation:
      return "wrong_incarnation";
    case Eligibility::kBlocked:
      return "blocked";
    case Eligibility::kHidden:
      return "hidden";
    case Eligibility::kNoSuchRole:
      return "no_such_role";
    case Eligibility::kEngaged:
      return "engaged";
    case Eligibility::kPaused:
      return "paused";
    case Eligibility::kStandingBy:
      return "standing_by";
    case Eligibility::kNotOpen:
      return "not_open";
    case Eligibility::kFull:
      return "full";
    case Eligibility::kRefusedByCandidate:
      return "refused_by_candidate";
    case Eligibility::kRefusedBySubject:
      return "refused_by_subject";
  }
  return "unknown";
}

bool Accepts(const Acceptance& rules, const Member& other,
             uint32_t other_roles) {
  if (rules.role_bits != 0 && (rules.role_bits & other_roles) == 0) {
    return false;
  }
  if (rules.scale_bits != 0 && (rules.scale_bits & BitOf(other.scale)) == 0) {
    return false;
  }
  if ((rules.norm_bits & ~other.norm_bits) != 0) return false;
  if (!rules.regions.empty() &&
      std::none_of(rules.regions.begin(), rules.regions.end(),
                   [&](const taxonomy::RegionRange& range) {
                     return range.Contains(other.region);
                   })) {
    return false;
  }
  return rules.sectors.empty() ||
         std::any_of(other.sectors.begin(), other.sectors.end(),
                     [&](taxonomy::SectorNumber sector) {
                       return std::any_of(
                           rules.sectors.begin(), rules.sectors.end(),
                           [&](const taxonomy::SectorRange& range) {
                             return range.Contains(sector);
                           });
                     });
}

EligibilityCheck::EligibilityCheck(const MemberView& view, MemberIndex subject,
                                   int64_t now, v1::Role subject_role)
    : view_(view),
      subject_index_(subject),
      subject_(view.at(subject)),
      blocked_(view.BlockedWith(subject)),
      engaged_(view.EngagedWith(subject)),
      now_(now),
      subject_role_(subject_role) {}

EligibilityCheck::EligibilityCheck(const MemberView& view,
                                   const Member& subject, int64_t now,
                                   v1::Role subject_role)
    : view_(view),
      subject_index_(kNoMember),
      subject_(subject),
      now_(now),
      subject_role_(subject_role) {}

Eligibility EligibilityCheck::operator()(MemberIndex candidate, v1::Role role,
                                         uint64_t candidate_incarnation) const {
  if (subject_.deleted) return Eligibility::kSubjectGone;
  const Member& other = view_.at(candidate);
  if (other.deleted) return Eligibility::kGone;
  if (candidate == subject_index_) return Eligibility::kSelf;
  if (candidate_incarnation != 0 &&
      candidate_incarnation != other.incarnation) {
    return Eligibility::kWrongIncarnation;
  }
  if (std::binary_search(blocked_.begin(), blocked_.end(), candidate)) {
    return Eligibility::kBlocked;
  }
  if (other.hidden) return Eligibility::kHidden;
  const Facet* facet = other.FacetOf(role);
  if (facet == nullptr) return Eligibility::kNoSuchRole;
  if (IsEngaged(engaged_, candidate, role)) return Eligibility::kEngaged;
  if (facet->paused) return Eligibility::kPaused;
  if (facet->standby && SeatSupply::IsGuide(role) &&
      !view_.supply().WantsStandby(subject_, role)) {
    return Eligibility::kStandingBy;
  }
  if (!IsOpen(other, now_)) return Eligibility::kNotOpen;
  if (facet->full()) return Eligibility::kFull;
  if (!Accepts(facet->acceptance, subject_,
               subject_role_ == v1::ROLE_UNSPECIFIED ? subject_.role_bits
                                                     : BitOf(subject_role_))) {
    return Eligibility::kRefusedByCandidate;
  }
  if (!SubjectAccepts(subject_, subject_role_, other, role)) {
    return Eligibility::kRefusedBySubject;
  }
  return Eligibility::kEligible;
}

Eligibility Eligible(const MemberView& view, MemberIndex subject,
                     MemberIndex candidate, v1::Role role,
                     const EligibilityQuery& query) {
  return EligibilityCheck(view, subject, query.now, query.subject_role)(
      candidate, role, query.candidate_incarnation);
}

}  // namespace mitra::matching
