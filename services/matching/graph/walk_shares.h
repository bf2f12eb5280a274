// How a member's walk goes on: the share of each neighbour.

#ifndef MITRA_SERVICES_MATCHING_GRAPH_WALK_SHARES_H_
#define MITRA_SERVICES_MATCHING_GRAPH_WALK_SHARES_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "services/matching/graph/tie_options.h"
#include "services/matching/graph/tie_sums.h"

namespace mitra::matching {

// Keeps its memory from one member to the next. Thread-compatible.
class WalkShares {
 public:
  // `outs` are the member's ties to its neighbours, `ins` theirs to it, in the
  // same order. Shares sum to at most 1, none is above the cap of `options`; 0
  // where the walk does not go. Ties of others (reversed) and the own members
  // of a group get parts of their own (TieOptions). Valid until the next call.
  absl::Span<const double> Of(const TieOptions& options,
                              absl::Span<const TieValue> outs,
                              absl::Span<const TieValue> ins);

 private:
  enum Pool : uint8_t { kNone, kOwn, kOthers, kMembers };
  // What goes in each direction before it is shared out.
  struct Flow {
    double forward = 0;
    double reverse = 0;
    size_t carrying = 0;
    bool has_members = false;
  };
  Flow Collect(const TieOptions& options, absl::Span<const TieValue> outs,
               absl::Span<const TieValue> ins);

  std::vector<double> forward_, backward_;
  std::vector<Pool> pool_, back_pool_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_GRAPH_WALK_SHARES_H_
