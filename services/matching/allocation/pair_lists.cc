#include "services/matching/allocation/pair_lists.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace mitra::matching {
namespace {

constexpr float kMaxUtility = 1e6F;
constexpr uint64_t kMaxPairs = std::numeric_limits<uint32_t>::max();

// False for NaN.
bool IsUtility(float value) { return std::abs(value) <= kMaxUtility; }

bool ByLeftThenRight(const CandidatePair& a, const CandidatePair& b) {
  return a.left != b.left ? a.left < b.left : a.right < b.right;
}

absl::Status PairError(const CandidatePair& pair, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("pair (", pair.left, ", ", pair.right, "): ", why));
}

}  // namespace

absl::StatusOr<PairLists> PairLists::Sparse(uint32_t lefts, uint32_t rights,
                                            std::vector<CandidatePair> pairs) {
  if (pairs.size() >= kMaxPairs) {
    return absl::InvalidArgumentError("2^32 pairs or more");
  }
  if (!std::is_sorted(pairs.begin(), pairs.end(), ByLeftThenRight)) {
    std::sort(pairs.begin(), pairs.end(), ByLeftThenRight);
  }
  PairLists lists;
  lists.lefts_ = lefts;
  lists.rights_ = rights;
  lists.begin_.assign(size_t{lefts} + 1, 0);
  lists.back_begin_.assign(size_t{rights} + 1, 0);
  lists.utility_.reserve(pairs.size());
  lists.right_.reserve(pairs.size());
  for (size_t p = 0; p < pairs.size(); ++p) {
    const CandidatePair& pair = pairs[p];
    if (pair.left >= lefts || pair.right >= rights) {
      return PairError(pair, "member out of range");
    }
    if (!IsUtility(pair.utility)) return PairError(pair, "utility");
    if (p > 0 && !ByLeftThenRight(pairs[p - 1], pair)) {
      return PairError(pair, "comes twice");
    }
    ++lists.begin_[pair.left + 1];
    ++lists.back_begin_[pair.right + 1];
    lists.utility_.push_back(pair.utility);
    lists.right_.push_back(pair.right);
  }
  for (uint32_t l = 0; l < lefts; ++l) lists.begin_[l + 1] += lists.begin_[l];
  for (uint32_t r = 0; r < rights; ++r) {
    lists.back_begin_[r + 1] += lists.back_begin_[r];
  }
  lists.back_left_.resize(pairs.size());
  lists.back_pair_.resize(pairs.size());
  std::vector<uint32_t> next(lists.back_begin_.begin(),
                             lists.back_begin_.end() - 1);
  for (uint32_t p = 0; p < pairs.size(); ++p) {
    const uint32_t at = next[pairs[p].right]++;
    lists.back_left_[at] = pairs[p].left;
    lists.back_pair_[at] = p;
  }
  return lists;
}

absl::StatusOr<PairLists> PairLists::Complete(uint32_t lefts, uint32_t rights,
                                              std::vector<float> utility) {
  const uint64_t count = uint64_t{lefts} * rights;
  if (count >= kMaxPairs) {
    return absl::InvalidArgumentError("2^32 pairs or more");
  }
  if (utility.size() != count) {
    return absl::InvalidArgumentError(absl::StrCat(
        utility.size(), " utilities for ", lefts, " x ", rights, " pairs"));
  }
  for (size_t p = 0; p < utility.size(); ++p) {
    if (!IsUtility(utility[p])) {
      return PairError({static_cast<uint32_t>(p / rights),
                        static_cast<uint32_t>(p % rights), utility[p]},
                       "utility");
    }
  }
  PairLists lists;
  lists.lefts_ = lefts;
  lists.rights_ = rights;
  lists.complete_ = true;
  lists.utility_ = std::move(utility);
  return lists;
}

absl::StatusOr<PairLists> PairLists::OnePopulation(
    uint32_t members, std::vector<CandidatePair> pairs) {
  const size_t count = pairs.size();
  pairs.reserve(2 * count);
  for (size_t p = 0; p < count; ++p) {
    const CandidatePair pair = pairs[p];
    if (pair.left == pair.right) return PairError(pair, "of one member");
    pairs.push_back({pair.right, pair.left, pair.utility});
  }
  auto lists = Sparse(members, members, std::move(pairs));
  if (lists.ok()) lists->one_population_ = true;
  return lists;
}

absl::StatusOr<PairLists> PairLists::DoubleCover(
    uint32_t members, std::vector<CandidatePair> pairs) {
  auto lists = Sparse(members, members, std::move(pairs));
  if (lists.ok()) lists->one_population_ = true;
  return lists;
}

}  // namespace mitra::matching
