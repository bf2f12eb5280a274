#include "services/matching/graph/list_packing.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace mitra::matching {
namespace {

// Long lists of which walks read little have that little once more in front.
constexpr size_t kCompactFrom = 256, kCompactShare = 4;

uint16_t Pack16(double value) {
  return static_cast<uint16_t>(std::lround(value * 65535));
}
uint8_t PackRoot(double certainty) {
  return static_cast<uint8_t>(std::lround(std::sqrt(certainty) * 255));
}
uint8_t PackKind(const TieValue& tie) {
  return static_cast<uint8_t>(tie.kind |
                              (tie.to_group ? TieFacts::kGroupFlag : 0));
}

TieFacts Pack(const TieValue& out, const TieValue& in) {
  TieFacts packed;
  packed.out_trust = Pack16(out.trust);
  packed.in_trust = Pack16(in.trust);
  packed.out_certainty = PackRoot(out.certainty);
  packed.in_certainty = PackRoot(in.certainty);
  packed.out_kind = PackKind(out);
  packed.in_kind = PackKind(in);
  return packed;
}

}  // namespace

size_t ListBytes(const PackedList& list, uint32_t causes) {
  return sizeof(NodeFacts) +
         (list.compact ? list.walk_degree * sizeof(WalkEdge) : 0) +
         list.size * (sizeof(WalkEdge) + sizeof(TieFacts)) +
         causes * sizeof(Cause);
}

PackedList PackList(const ListParts& parts, ListArena& arena) {
  const size_t n = parts.neighbours.size();
  const NodeFacts& facts = parts.facts;
  PackedList list;
  list.size = static_cast<uint32_t>(n);
  list.walk_degree = facts.walk_degree;
  list.compact = n >= kCompactFrom && facts.walk_degree < n / kCompactShare;
  char* data = arena.Allocate(ListBytes(list, facts.causes));
  std::memcpy(data, &facts, sizeof facts);
  auto* walk = reinterpret_cast<WalkEdge*>(data + sizeof(NodeFacts));
  auto* edges = walk + (list.compact ? facts.walk_degree : 0);
  auto* ties = reinterpret_cast<TieFacts*>(edges + n);
  for (size_t i = 0; i < n; ++i) {
    auto share = static_cast<float>(parts.shares[i]);
    if (share > parts.shares[i]) share = std::nextafter(share, 0.0F);
    edges[i] = {parts.neighbours[i], share};
    if (list.compact && parts.shares[i] > 0) *walk++ = edges[i];
    ties[i] = Pack(parts.outs[i], parts.ins[i]);
  }
  std::copy(parts.causes.begin(), parts.causes.end(),
            reinterpret_cast<Cause*>(ties + n));
  list.data = data;
  return list;
}

}  // namespace mitra::matching
