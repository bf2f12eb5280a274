// Whom the network vouches for: trust that spreads from verified members.
//
// Two walks of ceil(log2 n) steps from the seeds, each of a unit of trust:
//
// `level` is SybilRank (Cao, Sirivianos, Yang, Pregueiro, NSDI 2012): over
// undirected edges, personal ties that are positive in either direction; what
// has arrived at a member, divided by the weight of its edges, is even among
// honest members by then (1 in a fully mixed network) and low behind a
// bottleneck. It orders members: with 1,000 fakes and 5,000 attack edges on
// Advogato AUC .95 (METRICS t6_auc). Edges that rest on contacts alone weigh
// `cheap`.
//
// `weight` is how much the word of a member counts. Its walk goes only from who
// vouches to whom it vouches for, so that nobody can change it by praising
// others: min(1, reach_factor times the trust that arrives, in equal shares).
// What fakes gain: all fakes together have at most the sum, over the ties by
// which honest members vouch for fakes, of those members' `leak`, however many
// fakes there are and whatever they claim; with no such tie exactly 0. For e
// such ties, by honest members drawn at random, that is in the mean at most
// c * e words, with
//   c = RingGainPerTie(steps, d, crowd) = reach_factor * steps * crowd / d,
// d the tie weight by which honest members vouch, crowd all members with ties
// for each honest one: the walk has one unit of trust in each step, and a tie
// passes the share 1 / d of its owner's. So c is 4.5 for 1,000 fakes beside
// 2,000 members who vouch for 8 each, and 4 in a network of a million who vouch
// for 10 each. Measured there: 3.4, 2.9, .9 and .2 words a tie at e = 10, 100,
// 1,000 and 5,000, for no word counts more than 1 (vouching_test.cc prints it).
// A tie by a seed passes more: its own `leak` says how much.
//
// Not covered: fakes that are verified; a flood of fakes, which raises c by
// `crowd` (counting only members whom trust reaches evenly ends that, but left
// honest members of Advogato 116 words of 1,823); and a fake with as many
// attack edges as edges to other fakes is, to `level`, a member like others.
//
// Tried on Advogato and left: edges weighted by common acquaintances, other
// powers of the degree, one-sided edges weighed down, and a limit on what an
// edge passes in a step; each lowers AUC, mostly since honest newcomers are few
// edges from nowhere, too.

#ifndef MITRA_SERVICES_MATCHING_TRUST_VOUCHING_H_
#define MITRA_SERVICES_MATCHING_TRUST_VOUCHING_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "services/matching/graph/graph_view.h"
#include "services/matching/members/codes.h"

namespace mitra::matching {

struct VouchOptions {
  // Weight of an edge that rests on contacts alone; 1 for all others.
  double cheap = .25;
  // Reach in units of an equal share: half an equal share counts in full.
  double reach_factor = 2;
  // Steps of the walks; 0: ceil(log2 of the members with edges).
  int steps = 0;
};

// c, see above; all above 0.
inline double RingGainPerTie(int steps, double degree, double crowd,
                             const VouchOptions& options = {}) {
  return options.reach_factor * steps * crowd / degree;
}

// Immutable.
struct Vouching {
  // By member, 0 to 1: how much what it says of others counts. Empty if there
  // were no seeds: then everybody counts 1, and nothing bounds fakes.
  std::vector<float> weight;
  // By member; 1 in a fully mixed network.
  std::vector<float> level;
  // By member: at most this much weight passes over a tie by which the member
  // vouches for a fake.
  std::vector<float> leak;
  uint64_t graph_epoch = 0;
  uint32_t seeds = 0;  // that have edges
  uint64_t edges = 0;  // undirected
  int steps = 0;

  // Members that came after the computation have nobody's word yet.
  float Of(MemberIndex member) const {
    if (weight.empty()) return 1;
    return member < weight.size() ? weight[member] : 0;
  }
  bool vouched() const { return !weight.empty(); }
};

// O(edges * steps), memory 12 bytes per direction of an edge; deterministic.
// Seeds without edges are left out.
Vouching ComputeVouching(const GraphView& graph,
                         absl::Span<const MemberIndex> seeds,
                         const VouchOptions& options = {});

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_TRUST_VOUCHING_H_
