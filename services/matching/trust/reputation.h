// Reputation: what the network's evidence says of a member, for everybody.
//
// The shrunk mean of all evidence about the member, times its certainty:
//   mean = (r + 1.5) / (n + 3), certainty = r / (r + 2)
// so that praise always raises it and complaints always lower it, with r, s of
// NodeFacts::vouched_positive and vouched_negative, n = r + s: evidence that
// has faded as its kind does, each rater's
//   - times how much its word counts (Vouching, from verified members; 1 for
//     all while too few are verified),
//   - at most TieOptions::edge_evidence_cap (3) in all about one member,
//   - corrected by how much better than usual the rater speaks of everybody.
// Complaints have a window beside (graph/complaint_window.h): three years after
// the event (five for bad marks), at the end of that month, they are gone as if
// they had been withdrawn.
//
// What brigades can do. Evidence of weight m moves a value by at most
// m (1/3 + 1/2). Raters whose word counts less than TieOptions::low_weight
// count together at most as much as low_evidence_cap (.02), so that any number
// of them moves any value by less than .017, up or down. A ring of fakes has
// words of weight L in all, the sum of Vouching::leak over the ties by which
// honest members vouch for it, at most c * e for e such ties by random members
// (vouching.h: c is 4 to 4.5), and so moves no value by more than 3 * .84 * L;
// a single fake by no more than 3 * .84 times its weight. Praise by fakes does
// not change whose word counts. Without verified members nothing bounds fakes.

#ifndef MITRA_SERVICES_MATCHING_TRUST_REPUTATION_H_
#define MITRA_SERVICES_MATCHING_TRUST_REPUTATION_H_

#include <cstdint>

#include "services/matching/graph/graph_view.h"
#include "services/matching/members/codes.h"

namespace mitra::matching {

struct Reputation {
  double value = 0;       // effective: mean * certainty, 0 to 1
  double mean = .5;       // shrunk mean, 0 to 1
  double certainty = 0;   // of what is in favour, 0 to 1
  uint32_t evidence = 0;  // pieces by raters whose word counts
  uint32_t raters = 0;    // members with a tie to it
  // Under 3 pieces: never shown as a number (TRUST 1.4).
  bool is_new = true;
};

// O(1).
Reputation ReputationOf(const GraphView& graph, MemberIndex member);
Reputation ReputationOf(const NodeFacts& node);

// The value that sums of evidence give.
double ReputationValue(double positive, double negative);

// What a number means to people.
enum class StandingBand : uint8_t {
  kNew,   // fewer than 3 pieces
  kLow,   // value under .2
  kFair,  // under .4
  kGood,  // under .6
  kHigh,
};
StandingBand BandOf(const Reputation& reputation);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_TRUST_REPUTATION_H_
