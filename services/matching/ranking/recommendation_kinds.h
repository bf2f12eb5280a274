// What each kind of recommendation means: one table, read by retrieval, by
// scoring, by explanation and by the refresh.

#ifndef MITRA_SERVICES_MATCHING_RANKING_RECOMMENDATION_KINDS_H_
#define MITRA_SERVICES_MATCHING_RANKING_RECOMMENDATION_KINDS_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "mitra/v1/member.pb.h"
#include "mitra/v1/need_offer.pb.h"
#include "mitra/v1/recommendation.pb.h"

namespace mitra::matching {

// Sets of small enums as bits.
constexpr uint32_t RoleBit(v1::Role role) { return 1u << role; }
constexpr uint32_t KindBit(v1::MemberKind kind) { return 1u << kind; }
constexpr uint32_t ResourceBit(v1::Resource resource) { return 1u << resource; }

// Which of a candidate's capacities a recommendation of the kind draws on.
// Full in one pool hides in that pool only.
enum class CapacityPool : uint8_t {
  // Nothing is counted: a follower more costs nothing.
  kNone,
  // The seats of the facet that is recommended.
  kFacetSeats,
};

struct KindSpec {
  v1::RecommendationKind kind;
  // RoleBit()s that can be recommended too when a caller asks for them by name.
  uint32_t on_request = 0;
  // Name in metrics, tokens and Redis keys; never changes.
  absl::string_view name;
  // RoleBit()s of the facets that can be recommended.
  uint32_t candidate_roles;
  // KindBit()s of the members that can be recommended.
  uint32_t member_kinds;
  // ResourceBit()s that the candidate gives in this kind, or that the subject
  // gives to it; only needs and offers of these count as covered.
  uint32_t gives;
  uint32_t takes;
  CapacityPool pool;
  // Accepting costs the candidate time or money, so reasons are two-sided
  // (Kleinerman et al., RecSys 2018: two-sided reasons help only there).
  bool costly_to_accept;
  // Subject and candidate come from one population: each member stands once as
  // subject and once as candidate (double cover).
  bool same_population;
  // RoleBit()s of the subject's facets that count unless the caller names
  // others; facets are used that the subject has, all if it has none of these.
  uint32_t subject_roles;
};

// All kinds in the order of the enum; never empty.
absl::Span<const KindSpec> AllKinds();

// The row of `kind`, or nullptr for values that are not in the table.
const KindSpec* FindKind(v1::RecommendationKind kind);

// The one role whose members' seats a kind draws on, if that is a guide's
// (members/seat_supply.h); else 0.
int GuideOf(const KindSpec& kind);

// `kind` for a caller who wants candidates in `roles` only: the same row with
// fewer candidate_roles, or with those that it has on request. The row itself
// if nothing is changed, also by 0; nullptr if no role is left. Rows live as
// long as the program; thread-safe.
const KindSpec* NarrowKind(const KindSpec& kind, uint32_t roles);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_RECOMMENDATION_KINDS_H_
