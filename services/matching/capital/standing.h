// A member's own standing: its reputation taken apart, and what would raise it.

#ifndef MITRA_SERVICES_MATCHING_CAPITAL_STANDING_H_
#define MITRA_SERVICES_MATCHING_CAPITAL_STANDING_H_

#include <cstdint>
#include <vector>

#include "services/matching/graph/graph_view.h"
#include "services/matching/graph/tie_options.h"
#include "services/matching/members/codes.h"
#include "services/matching/trust/reputation.h"

namespace mitra::matching {

// All evidence of one kind about the member.
struct StandingCause {
  int kind = 0;             // v1::EvidenceKind
  uint32_t pieces = 0;      // by raters whose word counts
  uint32_t low_pieces = 0;  // by others: together of hardly any weight
  uint32_t raters = 0;      // whose word counts
  double positive = 0;      // what is left of it in favour …
  double negative = 0;      // … and against; their sums are the reputation's
  double half_life_days = 0;  // 0: it does not fade
  int window_days = 0;        // of complaints; 0: they only fade
  // The day since 1970 (UTC) from which on none of the complaints among them
  // counts, the first of a month; 0: there are none, or they have no end.
  int last_end = 0;
  // How much lower (or, if negative, higher) the value would be without it.
  double amount = 0;
};

enum class StandingAction : uint8_t {
  kCollaborate,   // complete one collaboration
  kAskReference,  // one reference by a member whose word counts
  kContest,       // the complaints, if they are wrong
  kGetVerified,   // be verified by a platform, so that one's own word counts
};

struct StandingStep {
  StandingAction action = StandingAction::kCollaborate;
  double effect = 0;  // by how much the value would rise; 0 for kGetVerified
};

struct Standing {
  Reputation reputation;
  StandingBand band = StandingBand::kNew;
  std::vector<StandingCause> causes;  // largest amount, either way, first
  std::vector<StandingStep> steps;    // most effective first
  bool weighed = false;   // raters' words are weighed by who vouches for them
  double own_weight = 1;  // how much the member's own word counts
};

// `options` are the graph's. `verified`: somebody has verified who it is.
Standing StandingOf(const GraphView& graph, MemberIndex member, bool verified,
                    const TieOptions& options);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_CAPITAL_STANDING_H_
