// Working memory of one walk: what has arrived at whom. Internal to trust/.
//
// A walk reaches some ten thousands of a million members, at random. A table
// with a cell for each member of the graph would cost a miss to main memory
// for each of the walk's edges; this one only has those that were reached, and
// stays in the core's second cache (20 bytes for each).

#ifndef MITRA_SERVICES_MATCHING_TRUST_WALK_STATE_H_
#define MITRA_SERVICES_MATCHING_TRUST_WALK_STATE_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/base/prefetch.h"
#include "services/matching/members/codes.h"

namespace mitra::matching {

class WalkState {
 public:
  // Cells are numbered from 0 in the order in which members were reached: what
  // is computed over them does not depend on the table's size.
  using CellNumber = uint32_t;
  struct Cell {
    double residual = 0;
    // The residual above which the cell belongs into the queue; infinite while
    // it is there.
    float threshold = 0;
    MemberIndex member = kNoMember;
  };

  // Forgets everything. New cells have `threshold`.
  void Begin(float threshold) {
    threshold_ = threshold;
    // As large as the latest walks needed: growing costs, clearing too.
    if (slots_.empty() || cells_.size() * 16 < slots_.size()) {
      slots_.assign(std::max<size_t>(kFewest, slots_.size() / 2), 0);
    } else {
      std::fill(slots_.begin(), slots_.end(), 0);
    }
    SetShift();
    cells_.clear();
    settled_.clear();
    queue_.clear();
  }

  // The cell of a member, made if it is not there.
  CellNumber Find(MemberIndex member) {
    size_t at = Hash(member);
    while (slots_[at] != 0) {
      const CellNumber number = slots_[at] - 1;
      if (cells_[number].member == member) return number;
      at = (at + 1) & (slots_.size() - 1);
    }
    const auto number = static_cast<CellNumber>(cells_.size());
    slots_[at] = number + 1;
    cells_.push_back({0, threshold_, member});
    settled_.push_back(0);
    if (cells_.size() * 2 > slots_.size()) Grow();
    return number;
  }
  // Begins to load what Find of that member needs first.
  void Prefetch(MemberIndex member) const {
    PrefetchLine(&slots_[Hash(member)]);
  }

  Cell& cell(CellNumber number) { return cells_[number]; }
  double& settled(CellNumber number) { return settled_[number]; }
  size_t size() const { return cells_.size(); }
  std::vector<CellNumber>& queue() { return queue_; }

 private:
  static constexpr size_t kFewest = 4096;

  size_t Hash(MemberIndex member) const {
    return (member * 0x9E3779B1u) >> shift_;
  }
  void SetShift() { shift_ = 32 - __builtin_ctzll(slots_.size()); }
  void Grow() {
    slots_.assign(slots_.size() * 2, 0);
    SetShift();
    for (CellNumber number = 0; number < cells_.size(); ++number) {
      size_t at = Hash(cells_[number].member);
      while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = number + 1;
    }
  }

  std::vector<uint32_t> slots_;  // number + 1; 0: free
  std::vector<Cell> cells_;
  std::vector<double> settled_;
  std::vector<CellNumber> queue_;
  float threshold_ = 0;
  int shift_ = 20;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_TRUST_WALK_STATE_H_
