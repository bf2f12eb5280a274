// The published tie graph: who trusts whom, as readers see it. Immutable.
//
// Each member has one list with all its neighbours in both directions, sorted
// by neighbour. The walk reads the first half of a list only (neighbour,
// share: 8 bytes each), paths, cohesion and reputation read the facts beside
// it (8 bytes each). Each list is a block of its own and is replaced whole when
// one of its ties changes, so that a new tie takes part at once.

#ifndef MITRA_SERVICES_MATCHING_GRAPH_GRAPH_VIEW_H_
#define MITRA_SERVICES_MATCHING_GRAPH_GRAPH_VIEW_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "common/base/prefetch.h"
#include "services/matching/members/codes.h"
#include "services/matching/members/versioned_array.h"

namespace mitra::matching {

class ListArena;

// One step of the walk. The shares of a member sum to at most 1; what is
// missing returns to the source of the walk. Never negative, never NaN.
struct WalkEdge {
  MemberIndex to;
  float share;  // 0: neighbours, but no walk (neutral or negative ties)
};

// Both directions between a member and one neighbour. A direction is there
// when its kind is not 0.
struct TieFacts {
  static constexpr uint8_t kGroupFlag = 0x80;

  uint16_t out_trust = 0;     // expected trust in the neighbour, / 65535
  uint16_t in_trust = 0;      // expected trust of the neighbour, / 65535
  uint8_t out_certainty = 0;  // root of 1 - uncertainty, / 255
  uint8_t in_certainty = 0;
  // v1::EvidenceKind that carries most of the tie, plus kGroupFlag if part of
  // it is membership or attendance.
  uint8_t out_kind = 0;
  uint8_t in_kind = 0;
};

// One direction, unpacked.
struct Tie {
  double trust = 0;       // expected trust E, 0 to 1
  double certainty = 0;   // 1 - u, 0 to 1
  int kind = 0;           // v1::EvidenceKind that carries most of it
  bool to_group = false;  // part of it is membership or attendance
};
Tie OutTie(const TieFacts& facts);
Tie InTie(const TieFacts& facts);

// Sums over a member's list. 56 bytes: with the arena's prefix one cache line,
// which walks do not touch.
struct NodeFacts {
  uint32_t out_epoch = 0;    // changes when the member's own ties change
  uint32_t out_degree = 0;   // members and groups it has a tie to
  uint32_t in_degree = 0;    // members that have a tie to it
  uint32_t group_size = 0;   // members of it, when it is a group or event
  uint32_t in_evidence = 0;  // pieces of evidence about it
  float in_positive = 0;     // r of all ties to it (group ties apart)
  float in_negative = 0;     // s of all ties to it (group ties apart)
  float out_positive = 0;    // r of all its own ties (group ties apart)
  float out_negative = 0;    // s of all its own ties (group ties apart)
  uint32_t walk_degree = 0;  // edges with a share
  // Evidence about it, each rater's by how much its word counts and bounded:
  // see trust/reputation.h.
  float vouched_positive = 0;
  float vouched_negative = 0;
  uint32_t vouched_evidence = 0;  // pieces by raters whose word counts
  uint32_t causes = 0;            // size of Neighbours::causes
};
static_assert(sizeof(NodeFacts) == 56);

// What vouched_positive and vouched_negative consist of, by kind.
struct Cause {
  uint8_t kind = 0;  // v1::EvidenceKind
  // The day since 1970 (UTC) from which on none of the complaints among them
  // counts; 0: there are none, or they have no end.
  uint16_t last_end = 0;
  uint32_t pieces = 0;      // by raters whose word counts
  uint32_t low_pieces = 0;  // by others
  uint32_t raters = 0;      // whose word counts
  float positive = 0;       // r of this kind
  float negative = 0;       // s of this kind
};
static_assert(sizeof(Cause) == 24);

// The list of one member.
struct Neighbours {
  const NodeFacts* node = nullptr;  // never null
  const WalkEdge* edges = nullptr;  // by neighbour
  const TieFacts* facts = nullptr;  // the same order
  const Cause* causes = nullptr;    // node->causes of them, by kind
  uint32_t size = 0;

  absl::Span<const WalkEdge> walk() const { return {edges, size}; }
  // Position of a neighbour, or -1. O(log size).
  int64_t PositionOf(MemberIndex neighbour) const;
};

class GraphView {
 public:
  // An empty graph.
  GraphView();

  // Counts publications; a later view has a greater epoch.
  uint64_t epoch() const { return state_->epoch; }
  // Members that may have ties: indexes are below this.
  MemberIndex size() const { return state_->lists.size(); }
  // Directed ties.
  uint64_t tie_count() const { return state_->ties; }
  // Raters' words are weighed (TieGraph::SetRaterWeights).
  bool weighs_raters() const { return state_->rater_weights != nullptr; }
  // Stands for whose word counts how much: the same as long as that is.
  std::shared_ptr<const void> weighing() const { return state_->rater_weights; }
  // How much the word of a member counts, 0 to 1.
  float RaterWeight(MemberIndex member) const {
    const auto& weights = state_->rater_weights;
    if (weights == nullptr) return 1;
    return member < weights->size() ? (*weights)[member] : 0;
  }

  // Empty for indexes at or above size().
  Neighbours of(MemberIndex member) const;

  // For walks, which read no facts; members below size() only.
  //
  // NodeFacts::walk_degree, without touching the list.
  uint32_t WalkDegreeOf(MemberIndex member) const {
    return state_->lists.at(member).walk_degree;
  }
  // All edges with a share, maybe others, in the order of `of`.
  absl::Span<const WalkEdge> WalkOf(MemberIndex member) const {
    const ListRef& list = state_->lists.at(member);
    if (list.data == nullptr) return {};
    return {reinterpret_cast<const WalkEdge*>(list.data + sizeof(NodeFacts)),
            list.compact ? list.walk_degree : list.size};
  }
  // Begin to load what they will read: first where the list lies, some steps
  // later its edges.
  void PrefetchPlace(MemberIndex member) const {
    PrefetchLine(&state_->lists.at(member));
  }
  void PrefetchWalk(MemberIndex member) const {
    constexpr size_t kMost = 8 * kCacheLine;  // longer lists come by themselves
    const ListRef& list = state_->lists.at(member);
    const char* edges = list.data + sizeof(NodeFacts);
    const size_t edges_read = list.compact ? list.walk_degree : list.size;
    PrefetchBytes(edges, std::min(edges_read * sizeof(WalkEdge), kMost));
  }

  // The tie of `from` to `to`, if there is one.
  std::optional<Tie> TieBetween(MemberIndex from, MemberIndex to) const;
  // Groups and events that `member` has a tie to, into `out`, by index.
  void GroupsOf(MemberIndex member, std::vector<MemberIndex>& out) const;
  // Both are members of (or attended) a common group; the smallest such.
  // kNoMember if none. O(sum of degrees).
  MemberIndex CommonGroup(MemberIndex a, MemberIndex b) const;
  // Neighbours that both know, group ties apart. O(sum of degrees).
  uint32_t CommonNeighbours(MemberIndex a, MemberIndex b) const;
  // Cohesion: common neighbours / sqrt(degrees product), 0 to 1 (TRUST 1.1).
  double Cohesion(MemberIndex a, MemberIndex b) const;

 private:
  friend class TieGraph;
  // Where a list lies: NodeFacts, if `compact` the edges with a share, then all
  // edges, facts and causes.
  struct ListRef {
    const char* data = nullptr;  // null: no neighbours
    uint32_t size = 0;
    uint32_t walk_degree : 31 = 0;
    uint32_t compact : 1 = 0;
  };
  struct State {
    // Where the lists lie; outlives what is freed into it.
    std::shared_ptr<ListArena> arena;
    // Keeps alive what the lists point to.
    std::shared_ptr<GarbageLink> garbage;
    VersionedArray<ListRef>::Version lists;
    std::shared_ptr<const std::vector<float>> rater_weights;  // may be null
    uint64_t epoch = 0;
    uint64_t ties = 0;
  };
  explicit GraphView(std::shared_ptr<const State> state);

  std::shared_ptr<const State> state_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_GRAPH_GRAPH_VIEW_H_
