// One member's ties as they are published: facts, edges and tie facts in one
// piece of memory (graph_view.h).

#ifndef MITRA_SERVICES_MATCHING_GRAPH_LIST_PACKING_H_
#define MITRA_SERVICES_MATCHING_GRAPH_LIST_PACKING_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "services/matching/graph/graph_view.h"
#include "services/matching/graph/list_arena.h"
#include "services/matching/graph/tie_sums.h"

namespace mitra::matching {

// What a list is made of; all but the facts and causes by neighbour.
struct ListParts {
  NodeFacts facts;
  absl::Span<const MemberIndex> neighbours;  // sorted, at least one
  absl::Span<const TieValue> outs, ins;
  absl::Span<const double> shares;
  absl::Span<const Cause> causes;  // facts.causes of them
};

// NodeFacts, if `compact` the edges with a share, then all edges, facts and
// causes.
struct PackedList {
  const char* data = nullptr;
  uint32_t size = 0;
  uint32_t walk_degree = 0;
  bool compact = false;
};

// The list in memory of the arena. Shares are rounded down: they must not sum
// to more than 1.
PackedList PackList(const ListParts& parts, ListArena& arena);

// How much memory a list has, without what the arena adds.
size_t ListBytes(const PackedList& list, uint32_t causes);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_GRAPH_LIST_PACKING_H_
