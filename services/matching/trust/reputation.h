// Reputation: what the network's evidence says of a member, for everybody.
//
// A plain prior: the shrunk mean of all evidence about the member, times its
// certainty. It is not sybil-resistant: fakes can raise it by praising each
// other, so the ranking gives it little weight; a walk from verified seeds
// takes its place behind this header.

#ifndef MITRA_SERVICES_MATCHING_TRUST_REPUTATION_H_
#define MITRA_SERVICES_MATCHING_TRUST_REPUTATION_H_

#include <cstdint>

#include "services/matching/graph/graph_view.h"
#include "services/matching/members/codes.h"

namespace mitra::matching {

struct Reputation {
  double value = 0;       // effective: mean * certainty, 0 to 1
  double mean = .5;       // shrunk mean, 0 to 1
  double certainty = 0;   // 1 - u, 0 to 1
  uint32_t evidence = 0;  // pieces
  uint32_t raters = 0;    // members with a tie to it
  // Under 3 pieces: never shown as a number (TRUST 1.4).
  bool is_new = true;
};

// O(1).
Reputation ReputationOf(const GraphView& graph, MemberIndex member);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_TRUST_REPUTATION_H_
