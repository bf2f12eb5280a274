// The pairs that may meet in a market of two sides, readable from both sides.
//
// Sparse: the candidate lists of the left side (compressed rows) and their
// transpose. Complete: every left with every right, without index arrays. All
// solvers of this folder read pairs through this class only, so that both forms
// are one code path.
//
// Memory: sparse 12 bytes per pair and 4 per value; complete 0 and 4.

#ifndef MITRA_SERVICES_MATCHING_ALLOCATION_PAIR_LISTS_H_
#define MITRA_SERVICES_MATCHING_ALLOCATION_PAIR_LISTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace mitra::matching {

struct CandidatePair {
  uint32_t left;
  uint32_t right;
  // Joint utility x_lr + x_rl in log units (natural log of P(match) when the
  // two are log probabilities). Finite, within ±1e6.
  float utility;
};

// Immutable once made; safe for concurrent use. Pairs are numbered by left,
// then right.
class PairLists {
 public:
  // O(n log n), O(n) when they are sorted by left, then right.
  // INVALID_ARGUMENT for a member out of range, a utility that is
  // not finite or beyond ±1e6, a pair that comes twice, or 2^32 pairs or more.
  static absl::StatusOr<PairLists> Sparse(uint32_t lefts, uint32_t rights,
                                          std::vector<CandidatePair> pairs);
  // `utility` by left, then right. O(n). INVALID_ARGUMENT as above.
  static absl::StatusOr<PairLists> Complete(uint32_t lefts, uint32_t rights,
                                            std::vector<float> utility);
  // One population of `members`: each pair {a, b} of different members stands
  // for both (a, b) and (b, a), with one utility. The market is the double
  // cover: every member once on each side. INVALID_ARGUMENT as above, for a
  // pair of a member with itself, and for a pair given in both orders.
  static absl::StatusOr<PairLists> OnePopulation(
      uint32_t members, std::vector<CandidatePair> pairs);

  // The same from the double cover itself: both orders of each pair, with one
  // utility (not checked). O(n) when sorted by left, then right.
  static absl::StatusOr<PairLists> DoubleCover(
      uint32_t members, std::vector<CandidatePair> pairs);

  uint32_t lefts() const { return lefts_; }
  uint32_t rights() const { return rights_; }
  uint32_t size() const { return static_cast<uint32_t>(utility_.size()); }
  bool one_population() const { return one_population_; }
  float utility(uint32_t pair) const { return utility_[pair]; }
  absl::Span<const float> utilities() const { return utility_; }

  uint32_t CountOfLeft(uint32_t left) const {
    return complete_ ? rights_ : begin_[left + 1] - begin_[left];
  }
  // Calls `visit(right, pair)` for each pair of `left`, by right.
  template <typename Visit>
  void OfLeft(uint32_t left, Visit&& visit) const {
    if (complete_) {
      for (uint32_t r = 0; r < rights_; ++r) visit(r, left * rights_ + r);
      return;
    }
    for (uint32_t p = begin_[left]; p < begin_[left + 1]; ++p) {
      visit(right_[p], p);
    }
  }
  // Calls `visit(left, pair)` for each pair of `right`, by left.
  template <typename Visit>
  void OfRight(uint32_t right, Visit&& visit) const {
    if (complete_) {
      for (uint32_t l = 0; l < lefts_; ++l) visit(l, l * rights_ + right);
      return;
    }
    for (uint32_t i = back_begin_[right]; i < back_begin_[right + 1]; ++i) {
      visit(back_left_[i], back_pair_[i]);
    }
  }

 private:
  PairLists() = default;

  uint32_t lefts_ = 0;
  uint32_t rights_ = 0;
  bool complete_ = false;
  bool one_population_ = false;
  std::vector<float> utility_;
  std::vector<uint32_t> begin_, right_;                       // by left
  std::vector<uint32_t> back_begin_, back_left_, back_pair_;  // by right
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_ALLOCATION_PAIR_LISTS_H_
