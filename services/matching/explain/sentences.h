// Sentences about members that are not recommended, and about social capital.

#ifndef MITRA_SERVICES_MATCHING_EXPLAIN_SENTENCES_H_
#define MITRA_SERVICES_MATCHING_EXPLAIN_SENTENCES_H_

#include <string>

#include "mitra/v1/recommendations_service.pb.h"
#include "services/matching/capital/social_capital.h"
#include "services/matching/explain/catalogue.h"
#include "services/matching/members/eligibility.h"
#include "services/matching/ranking/recommendation_kinds.h"

namespace mitra::matching {

// The cause as the API knows it. Personal causes (engaged, blocked, hidden,
// paused, refused, unknown) are NOT_AVAILABLE unless `full`: to a member they
// must read as if the other did not exist (CONTRACTS 11).
v1::WhyNotCause CauseOf(Eligibility eligibility, bool full);

// `rank` is used by IN_SLATE and LOWER_RANK, `term` (a TermWord, may be empty)
// by LOWER_RANK.
std::string WhyNotText(Language language, v1::WhyNotCause cause,
                       const KindSpec& kind, uint32_t rank,
                       absl::string_view term = "");

// The diagnosis with its sentences. `profile_id` of a step is the member that
// it leads to; an introducer is named only with consent to be asked.
void DescribeCapital(const MemberView& members,
                     const CapitalDiagnosis& diagnosis, Language language,
                     v1::DiagnoseCapitalResponse& response);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_EXPLAIN_SENTENCES_H_
