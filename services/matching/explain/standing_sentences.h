// Sentences about a member's own standing, and the aggregate of a region.

#ifndef MITRA_SERVICES_MATCHING_EXPLAIN_STANDING_SENTENCES_H_
#define MITRA_SERVICES_MATCHING_EXPLAIN_STANDING_SENTENCES_H_

#include "mitra/v1/standing_service.pb.h"
#include "services/matching/capital/regional_capital.h"
#include "services/matching/capital/standing.h"
#include "services/matching/explain/catalogue.h"

namespace mitra::matching {

// The standing with its sentences; names nobody. A member that is new gets no
// number.
void DescribeStanding(const Standing& standing, Language language,
                      v1::GetStandingResponse& response);

void DescribeSpread(const RegionalCapital& capital,
                    v1::DescribeCapitalResponse& response);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_EXPLAIN_STANDING_SENTENCES_H_
