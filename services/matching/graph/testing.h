// Pieces of evidence for tests of graphs.

#ifndef MITRA_SERVICES_MATCHING_GRAPH_TESTING_H_
#define MITRA_SERVICES_MATCHING_GRAPH_TESTING_H_

#include <cstdint>
#include <optional>

#include "services/matching/graph/tie_graph.h"

namespace mitra::matching {

// One that counts and says nothing of quality; its revision is its key. `kind`
// is a v1::EvidenceKind, `time` Unix seconds.
inline EvidencePiece PieceOf(EvidenceKey key, MemberIndex author,
                             MemberIndex about, int kind, int64_t time) {
  return {.key = key,
          .author = author,
          .about = about,
          .kind = kind,
          .event_time = time,
          .quality = std::nullopt,
          .counts = true,
          .revision = key};
}

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_GRAPH_TESTING_H_
