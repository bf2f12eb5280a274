// What the slates of a refresh are like together: how many have what they
// should, on whom attention falls, who is left out, and who would rather have
// met.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_SLATE_FIGURES_H_
#define MITRA_SERVICES_MATCHING_REFRESH_SLATE_FIGURES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "mitra/v1/refreshes_service.pb.h"
#include "services/matching/members/member_table.h"
#include "services/matching/ranking/recommendation_kinds.h"
#include "services/matching/refresh/candidate_lists.h"

namespace mitra::matching {

// The figures of one kind. Not thread-safe; the order of the calls does not
// matter. `members` must outlive it.
class SlateFigures {
 public:
  // `slate_size`: places that are shown.
  SlateFigures(const MemberView& members, const KindSpec& kind,
               size_t slate_size);

  // A member's slate, best first; `gone`: it has left, `missing`: MissingBit.
  void Add(MemberIndex subject, absl::Span<const MarketCandidate> slate,
           bool gone, uint8_t missing);

  uint64_t full() const { return full_; }
  uint64_t empty() const { return empty_; }

  // Fills coverage, empty_share, fragmentation, by_role, by_region, by_sector,
  // unmatched and newcomer_share.
  void Report(v1::MarketReport& report) const;

 private:
  // Counts in 2^-20 of a look at a first place, exact whatever the order.
  static uint64_t Look(size_t rank) { return (uint64_t{1} << 20) / (rank + 1); }
  uint32_t RootOf(uint32_t member) const;
  void Join(MemberIndex a, MemberIndex b);
  double Fragmentation() const;

  const MemberView& members_;
  const KindSpec& kind_;
  const size_t slate_size_;
  std::vector<uint64_t> looks_;           // by MemberIndex
  mutable std::vector<uint32_t> parent_;  // disjoint sets, by MemberIndex
  std::vector<MemberIndex> subjects_;
  uint64_t full_ = 0, empty_ = 0, gone_ = 0, no_vectors_ = 0, no_candidate_ = 0;
  uint64_t places_ = 0, newcomer_places_ = 0;
};

// Pairs that are not shown to each other among the first `wanted` places
// though both would rather be: l prefers r to the worst that it is shown, and
// r prefers l to the worst that is shown r, or has seats left. `lists`: all
// that were weighed; `slates`: the same members' slates in order.
uint64_t CountBlocking(
    const MemberView& members, const KindSpec& kind,
    absl::Span<const absl::Span<const MarketCandidate>> lists,
    absl::Span<const absl::Span<const MarketCandidate>> slates);

// Share of ordered pairs (a, b) of a sample of at most 300 members in which a
// would rather have b's first places than its own, by its own scores; pairs
// that a has not on its list are worth 0 to it.
double SampleEnvy(const KindSpec& kind,
                  absl::Span<const absl::Span<const MarketCandidate>> lists,
                  absl::Span<const absl::Span<const MarketCandidate>> slates);

// Needs of `subjects`, by resource and the division of the main sector, of
// which far more seek than give; greatest gap first.
std::vector<v1::UnmetNeed> FindUnmetNeeds(
    const MemberView& members, absl::Span<const MemberIndex> subjects,
    size_t count);

// The guards, with defaults where none are given.
v1::RefreshGuards WithDefaults(const v1::RefreshGuards& guards);
// What the reports do not pass, in words.
std::vector<std::string> FailedGuards(
    const v1::RefreshGuards& guards,
    absl::Span<const v1::MarketReport* const> reports);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_SLATE_FIGURES_H_
