// Who could introduce two members to each other.

#ifndef MITRA_SERVICES_MATCHING_CAPITAL_INTRODUCER_H_
#define MITRA_SERVICES_MATCHING_CAPITAL_INTRODUCER_H_

#include <optional>

#include "services/matching/graph/graph_view.h"
#include "services/matching/members/codes.h"
#include "services/matching/members/member_table.h"

namespace mitra::matching {

struct Introducer {
  MemberIndex member = kNoMember;
  // Expected trust between subject and introducer times that between introducer
  // and target, 0 to 1; ties of the other direction count half.
  double trust = 0;
};

// The best common acquaintance of the two that consents to be asked
// (CONSENT_PURPOSE_INTRODUCTION), is not hidden, in no block with either, and
// not at its own limit: a member all of whose counted facets are full, or that
// is paused in every role, is left in peace. Among several trust / sqrt(1 +
// acquaintances / 16) decides, so that those who know everybody are not asked
// by everybody; equal ones by index. Nothing if there is none. O(sum of
// degrees).
std::optional<Introducer> BestIntroducer(const MemberView& members,
                                         const GraphView& graph,
                                         MemberIndex subject,
                                         MemberIndex target);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_CAPITAL_INTRODUCER_H_
