// What somebody has settled about single places, applied to lists: a pinned
// candidate has the first place, a removed one has none.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_FIXED_PAIRS_H_
#define MITRA_SERVICES_MATCHING_REFRESH_FIXED_PAIRS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "mitra/v1/refreshes_service.pb.h"
#include "services/matching/refresh/candidate_lists.h"

namespace mitra::matching {

inline constexpr int kMaxFixedPairs = 10'000;

// One decision by numbers: of the member in the refresh, of the kind in the
// refresh, of the candidate in the view.
struct PairEdit {
  uint32_t number = 0;
  uint32_t kind = 0;
  MemberIndex candidate = kNoMember;
  bool pin = false;
};

// What a candidate that stands on no list is worth to a member.
// FAILED_PRECONDITION (NOT_AVAILABLE) if it may not be shown to it.
using ScorePair = std::function<absl::StatusOr<MarketCandidate>(
    uint32_t number, uint32_t kind, MemberIndex candidate)>;

// The last word on each place, by member, then in the order given. `members`:
// those of the refresh. Members that are not of the refresh or not known
// are NOT_FOUND (PROFILE_NOT_FOUND) if `strict`, else left out; kinds that the
// refresh has not are left out.
absl::StatusOr<std::vector<PairEdit>> ResolvePairs(
    absl::Span<const v1::FixedPair* const> pairs,
    absl::Span<const std::string> members,
    absl::Span<const v1::RecommendationKind> kinds, const MemberView& view,
    bool strict);

// Applies the edits of members `first` and the next ones, which are those of
// `chunk`, and marks the pinned. Pins that cannot be scored are an error if
// `strict`, else left out.
absl::Status EditChunk(absl::Span<const PairEdit> edits, uint32_t first,
                       const ScorePair& score, bool strict, ChunkResult& chunk);

// INVALID_ARGUMENT naming the field below `field`.
absl::Status CheckFixedPairs(
    const google::protobuf::RepeatedPtrField<v1::FixedPair>& pairs,
    absl::string_view field, int at_most);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_FIXED_PAIRS_H_
