#include "services/matching/graph/graph_view.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mitra::matching {
namespace {

const NodeFacts kNoFacts;

Tie Unpack(uint16_t trust, uint8_t certainty, uint8_t kind) {
  const double root = certainty / 255.0;
  return {.trust = trust / 65535.0,
          .certainty = root * root,
          .kind = kind & ~TieFacts::kGroupFlag,
          .to_group = (kind & TieFacts::kGroupFlag) != 0};
}

// Calls `both(position in a, position in b)` for each common neighbour.
template <typename Both>
void ForEachCommon(const Neighbours& a, const Neighbours& b, Both both) {
  uint32_t i = 0, j = 0;
  while (i < a.size && j < b.size) {
    const MemberIndex x = a.edges[i].to, y = b.edges[j].to;
    if (x < y) {
      ++i;
    } else if (y < x) {
      ++j;
    } else {
      if (!both(i++, j++)) return;
    }
  }
}

// The neighbour is known apart from being a common group.
bool IsPersonal(const TieFacts& facts) {
  const auto personal = [](uint8_t kind) {
    return kind != 0 && (kind & TieFacts::kGroupFlag) == 0;
  };
  return personal(facts.out_kind) || personal(facts.in_kind);
}

bool IsMembership(const TieFacts& facts) {
  return (facts.out_kind & TieFacts::kGroupFlag) != 0;
}

uint32_t PersonalDegree(const Neighbours& n) {
  uint32_t degree = 0;
  for (uint32_t i = 0; i < n.size; ++i) degree += IsPersonal(n.facts[i]);
  return degree;
}

}  // namespace

Tie OutTie(const TieFacts& facts) {
  return Unpack(facts.out_trust, facts.out_certainty, facts.out_kind);
}

Tie InTie(const TieFacts& facts) {
  return Unpack(facts.in_trust, facts.in_certainty, facts.in_kind);
}

int64_t Neighbours::PositionOf(MemberIndex neighbour) const {
  // Without branches: which way a search goes cannot be foretold.
  const WalkEdge* at = edges;
  for (uint32_t left = size; left > 1;) {
    const uint32_t half = left / 2;
    at = at[half].to <= neighbour ? at + half : at;
    left -= half;
  }
  return size > 0 && at->to == neighbour ? at - edges : -1;
}

GraphView::GraphView() : state_(std::make_shared<State>()) {}
GraphView::GraphView(std::shared_ptr<const State> state)
    : state_(std::move(state)) {}

Neighbours GraphView::of(MemberIndex member) const {
  Neighbours neighbours;
  neighbours.node = &kNoFacts;
  if (member >= size()) return neighbours;
  const ListRef& list = state_->lists.at(member);
  if (list.data == nullptr) return neighbours;
  neighbours.node = reinterpret_cast<const NodeFacts*>(list.data);
  neighbours.edges =
      reinterpret_cast<const WalkEdge*>(list.data + sizeof(NodeFacts)) +
      (list.compact ? list.walk_degree : 0);
  neighbours.facts =
      reinterpret_cast<const TieFacts*>(neighbours.edges + list.size);
  neighbours.causes =
      reinterpret_cast<const Cause*>(neighbours.facts + list.size);
  neighbours.size = list.size;
  return neighbours;
}

std::optional<Tie> GraphView::TieBetween(MemberIndex from,
                                         MemberIndex to) const {
  const Neighbours n = of(from);
  const int64_t at = n.PositionOf(to);
  if (at < 0 || n.facts[at].out_kind == 0) return std::nullopt;
  return OutTie(n.facts[at]);
}

void GraphView::GroupsOf(MemberIndex member,
                         std::vector<MemberIndex>& out) const {
  const Neighbours n = of(member);
  for (uint32_t i = 0; i < n.size; ++i) {
    if (IsMembership(n.facts[i])) out.push_back(n.edges[i].to);
  }
}

MemberIndex GraphView::CommonGroup(MemberIndex a, MemberIndex b) const {
  const Neighbours na = of(a), nb = of(b);
  MemberIndex best = kNoMember;
  uint32_t best_size = 0;
  ForEachCommon(na, nb, [&](uint32_t i, uint32_t j) {
    if (IsMembership(na.facts[i]) && IsMembership(nb.facts[j])) {
      const uint32_t group = of(na.edges[i].to).node->group_size;
      if (best == kNoMember || group < best_size) {
        best = na.edges[i].to;
        best_size = group;
      }
    }
    return true;
  });
  return best;
}

uint32_t GraphView::CommonNeighbours(MemberIndex a, MemberIndex b) const {
  const Neighbours na = of(a), nb = of(b);
  uint32_t common = 0;
  ForEachCommon(na, nb, [&](uint32_t i, uint32_t j) {
    common += IsPersonal(na.facts[i]) && IsPersonal(nb.facts[j]);
    return true;
  });
  return common;
}

double GraphView::Cohesion(MemberIndex a, MemberIndex b) const {
  const uint32_t common = CommonNeighbours(a, b);
  if (common == 0) return 0;
  const double product = static_cast<double>(PersonalDegree(of(a))) *
                         static_cast<double>(PersonalDegree(of(b)));
  return std::min(1.0, common / std::sqrt(product));
}

}  // namespace mitra::matching
