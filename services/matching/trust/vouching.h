// Whom the network vouches for: trust that spreads from verified members.
//
// SybilRank (Cao, Sirivianos, Yang, Pregueiro, NSDI 2012): a unit of trust is
// spread evenly over the seeds and takes ceil(log2 n) steps of a random walk
// over undirected edges; what has arrived at a member, divided by the weight of
// its edges, is even among honest members by then and low behind a bottleneck.
// An edge is a personal tie that is positive in either direction; those that
// cost nothing to claim (contacts) weigh `cheap`.
//
// Deviation: in one step an edge passes at most `edge_flow` times what it would
// pass in a fully mixed network, but for the edges of seeds; what a member may
// not pass yet stays with it.
//
// What fakes gain. Let e be the number of attack edges (between an honest
// member that is no seed, and a fake). Trust enters the fakes over those only,
// and a member's weight is at most its level (its trust per edge weight against
// a fully mixed network, cut at 1) times its edge weight / `full_edges`. So the
// weights of all fakes together are at most
//   e * steps * edge_flow / full_edges = e * Vouching::leak_per_edge,
// however many fakes there are and whatever they claim among themselves. On
// Advogato it is about .6 e for the first 500 edges. Not covered: fakes that
// are verified; and a fake with as many attack edges as edges to other fakes
// is, to the graph, a member like others (AUC .19 there, .95 with twice as
// many edges inside as outside).
//
// Weighting edges by common acquaintances, and dividing by other powers of the
// degree, was tried on Advogato: it raises AUC against sparse rings and loses
// much more against others, since honest newcomers have no common acquaintances
// either.

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
  // Edge weight from which on a member's word counts in full.
  double full_edges = 3;
  // See above.
  double edge_flow = 4;
  // Steps of the walk; 0: ceil(log2 of the members with edges).
  int steps = 0;
};

// Immutable.
struct Vouching {
  // By member, 0 to 1: how much what it says of others counts. Empty if there
  // were no seeds: then everybody counts 1, and nothing bounds fakes.
  std::vector<float> weight;
  // Trust per edge weight, 1 in a fully mixed network; orders members.
  std::vector<float> level;
  uint64_t graph_epoch = 0;
  uint32_t seeds = 0;  // that have edges
  uint64_t edges = 0;  // undirected
  int steps = 0;
  // At most this much weight passes over one attack edge; see above.
  double leak_per_edge = 0;

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
