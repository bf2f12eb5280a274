// Trust paths: members that link a subject with a candidate (TRUST 1.3).
//
// At most 3 hops, at most 3 paths without a common member, strongest first. A
// hop is a tie, or a common group: two members of one group count as one hop
// whose trust is bounded by the group's size, so that a large group says
// little. Who may be named is decided by others; here stands who it is.

#ifndef MITRA_SERVICES_MATCHING_TRUST_TRUST_PATH_H_
#define MITRA_SERVICES_MATCHING_TRUST_TRUST_PATH_H_

#include <cstdint>
#include <vector>

#include "services/matching/graph/graph_view.h"
#include "services/matching/members/codes.h"

namespace mitra::matching {

struct PathHop {
  MemberIndex to = kNoMember;
  double trust = 0;        // expected trust of the hop, 0 to 1
  int kind = 0;            // v1::EvidenceKind that carries the hop most
  bool backwards = false;  // the tie is `to`'s in the one before
  // The group that the hop runs through, and its size; kNoMember for a tie.
  MemberIndex group = kNoMember;
  uint32_t group_size = 0;
};

struct TrustPath {
  std::vector<PathHop> hops;  // the last one ends at the candidate
  double strength = 0;        // product of the hops' trust
};

struct TrustPaths {
  std::vector<TrustPath> paths;  // strongest first; empty: honestly none
  double combined = 0;           // 1 - product of (1 - strength), 0 to 1
};

struct PathOptions {
  uint32_t max_paths = 3;
  // Heaviest ties of the subject, of a middle member and of the candidate
  // that are looked at for the middle of 3 hops.
  uint32_t fan_out = 64;
  // Ties with less expected trust carry no path.
  double min_trust = .5;
  // A tie of the next member in the one before counts this much of a tie in
  // the direction of the path.
  double backwards_factor = .5;
  // Trust of a hop through a group: the two memberships' trust times
  // min(1, group_reach / size).
  double group_reach = 4;
  // Groups with more members carry no path.
  uint32_t max_group_size = 10'000;
};

// Deterministic; O(degree of both) for 2 hops, O(fan_out * log degree) more
// for 3.
TrustPaths FindTrustPaths(const GraphView& graph, MemberIndex subject,
                          MemberIndex candidate,
                          const PathOptions& options = {});

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_TRUST_TRUST_PATH_H_
