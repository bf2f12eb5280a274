// What the slates of a refresh are like together: how many have what they
// should, on whom attention falls, who is left out, and who would rather have
// met.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_SLATE_FIGURES_H_
#define MITRA_SERVICES_MATCHING_REFRESH_SLATE_FIGURES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
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

// Pairs that are not shown to each other among the first places that are
// wanted though both would rather be: l prefers r to the worst that it is
// shown, and r prefers l to the worst that is shown r, or has seats left. Not
// thread-safe. `members` must outlive it.
class BlockingPairs {
 public:
  // `lefts`: members with lists, by number.
  BlockingPairs(const MemberView& members, const KindSpec& kind, size_t lefts);

  // First every slate, in order.
  void AddSlate(size_t left, absl::Span<const MarketCandidate> slate);
  // Then every list of all that were weighed, with the same member's slate.
  void Count(size_t left, absl::Span<const MarketCandidate> list,
             absl::Span<const MarketCandidate> slate);
  uint64_t count() const { return count_; }

 private:
  struct Side {
    float worst = 2;
    uint32_t got = 0;
  };
  const MemberView& members_;
  const KindSpec& kind_;
  std::vector<Side> right_;  // by MemberIndex
  std::vector<Side> left_;   // by number
  uint64_t count_ = 0;
};

// Envy in a sample of at most 300 members. Not thread-safe.
class EnvySample {
 public:
  EnvySample(const KindSpec& kind, size_t lefts);

  // Others than those of the sample are left out.
  void AddList(size_t left, absl::Span<const MarketCandidate> list);
  void AddSlate(size_t left, absl::Span<const MarketCandidate> slate);

  // Share of ordered pairs (a, b) in which a would rather have b's first places
  // than its own, by its own scores; pairs that a has not on its list are worth
  // 0 to it.
  double Share() const;

 private:
  struct One {
    absl::flat_hash_map<MemberIndex, float> value;
    std::vector<MemberIndex> given;
  };
  One* Find(size_t left);

  const KindSpec& kind_;
  std::vector<size_t> numbers_;  // rising
  std::vector<One> sample_;
};

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
