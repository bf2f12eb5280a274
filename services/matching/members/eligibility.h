// Who may be shown to whom: one function for every path, fresh, cached, batch,
// fallback, degraded, page 2 and explain.
//
// Hard rules only (CONTRACTS 12); the caller's filters, caps and quotas are
// other people's. Member credentials must see every cause but kEligible as
// NOT_AVAILABLE (CONTRACTS 11).

#ifndef MITRA_SERVICES_MATCHING_MEMBERS_ELIGIBILITY_H_
#define MITRA_SERVICES_MATCHING_MEMBERS_ELIGIBILITY_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "services/matching/members/member_table.h"

namespace mitra::matching {

// The first cause that applies, in this order.
enum class Eligibility : uint8_t {
  kEligible,
  kSubjectGone,         // the subject is unknown or deleted
  kGone,                // the candidate is unknown or deleted
  kSelf,                // the subject itself
  kWrongIncarnation,    // another life of the candidate's id was meant
  kBlocked,             // one of the two blocks the other
  kHidden,              // the candidate is hidden
  kNoSuchRole,          // the candidate does not stand in that role
  kEngaged,             // the two work together in that capacity already
  kPaused,              // paused in that role
  kStandingBy,          // stands by, and is not needed where the subject is
  kNotOpen,             // event over; programme not yet or no longer open
  kFull,                // no free seat in a role that is counted
  kRefusedByCandidate,  // the candidate's rules refuse the subject
  kRefusedBySubject,    // the subject's rules refuse the candidate
};

// Lower-case name for logs, audit and metrics, for example "full".
absl::string_view EligibilityName(Eligibility eligibility);

struct EligibilityQuery {
  // Unix seconds, only for the windows of events and programmes: the record
  // carries no flag for these, unlike for all that its sweeper expires.
  int64_t now = 0;
  // The life of the candidate that was meant; 0 for any.
  uint64_t candidate_incarnation = 0;
  // The role in which the subject acts; 0 (unspecified): any of its roles.
  v1::Role subject_role = v1::Role(0);
};

// One subject against many candidates. Keeps pointers into `view`, which must
// outlive it. Thread-safe.
class EligibilityCheck {
 public:
  EligibilityCheck(const MemberView& view, MemberIndex subject, int64_t now,
                   v1::Role subject_role = v1::Role(0));
  // A subject that stands only in its request: it blocks nobody, is engaged
  // with nobody, and nobody blocks it. `subject` must outlive the check.
  EligibilityCheck(const MemberView& view, const Member& subject, int64_t now,
                   v1::Role subject_role = v1::Role(0));
  // O(log blocks + log engagements + rules).
  Eligibility operator()(MemberIndex candidate, v1::Role role,
                         uint64_t candidate_incarnation = 0) const;

 private:
  const MemberView& view_;
  const MemberIndex subject_index_;
  const Member& subject_;
  const absl::Span<const MemberIndex> blocked_;
  const absl::Span<const Engaged> engaged_;
  const int64_t now_;
  const v1::Role subject_role_;
};

Eligibility Eligible(const MemberView& view, MemberIndex subject,
                     MemberIndex candidate, v1::Role role,
                     const EligibilityQuery& query);

// `rules` accept `other`, who stands in the roles `other_roles` (BitOf).
// What `other` does not state (no region, no scale) fails a rule that asks for
// it: a hard rule is kept only by those who show that they keep it.
bool Accepts(const Acceptance& rules, const Member& other,
             uint32_t other_roles);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_MEMBERS_ELIGIBILITY_H_
