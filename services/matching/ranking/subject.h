// Whom we recommend to: a stored member, or one that is only in the request.

#ifndef MITRA_SERVICES_MATCHING_RANKING_SUBJECT_H_
#define MITRA_SERVICES_MATCHING_RANKING_SUBJECT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "services/matching/members/member.h"
#include "services/matching/members/member_table.h"
#include "services/matching/ranking/recommendation_kinds.h"

namespace mitra::v1 {
class SubjectFacts;
}

namespace mitra::matching {

// What search needs of a subject that it does not store.
struct TransientVoice {
  std::string need_text;
  std::string offer_text;
  // From the caller, in the caller's space; empty without.
  std::vector<float> need_vector;
  std::vector<float> offer_vector;
  // Who it is to the rules of others, and whom its own accept; may be null.
  std::shared_ptr<const v1::SubjectFacts> facts;
};

// Copyable; refers to the view that it was made from, which must outlive it.
struct Subject {
  // kNoMember for a subject that is not stored.
  MemberIndex index = kNoMember;
  // Never null.
  const Member* member = nullptr;
  // Holds `member` and its voice when it is not stored.
  std::shared_ptr<const Member> owned;
  std::shared_ptr<const TransientVoice> voice;

  bool stored() const { return index != kNoMember; }
};

// The facets of `subject` that count for `kind`, as RoleBit()s: those named in
// `asked` (0: the kind's own choice) that the subject has; all that it has if
// none of them.
uint32_t CountingRoles(const Member& subject, const KindSpec& kind,
                       uint32_t asked);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_SUBJECT_H_
