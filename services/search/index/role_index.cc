#include "services/search/index/role_index.h"

#include <algorithm>
#include <cstring>

#include "absl/time/clock.h"

namespace mitra::search {

RoleIndex::RoleIndex(size_t dimension) : vectors_(dimension) {}

uint32_t RoleIndex::TakeRow() {
  if (!free_.empty()) {
    const uint32_t row = free_.back();
    free_.pop_back();
    return row;
  }
  const auto row = static_cast<uint32_t>(states_.size());
  states_.push_back(0);
  attributes_.Grow(states_.size());
  eligible_.Grow(row / RowBits::kRows + 1);
  return row;
}

uint32_t RoleIndex::Add(const RowFacts& facts, absl::Span<const float> offer,
                        absl::Span<const float> need) {
  const uint32_t row = TakeRow();
  vectors_.Set(row, offer, need);
  states_[row] = kLive;
  ++live_;
  SetFacts(row, facts);
  return row;
}

void RoleIndex::SetFacts(uint32_t row, const RowFacts& facts) {
  attributes_.Mutable(row) = facts.attributes;
  figures_.Set(row, facts.figures);
  if (!facts.eligible) return;
  KeysOf(facts.attributes, facts.figures, new_keys_);
  postings_.Add(row, new_keys_);
  SetEligible(row, true);
}

void RoleIndex::SetEligible(uint32_t row, bool eligible) {
  eligible_.Mutable(row / RowBits::kRows).set(row % RowBits::kRows, eligible);
  eligible_count_ += eligible ? 1 : size_t{0} - 1;
  if ((states_[row] & kInGraph) == 0) {
    outside_changed_ = true;
    if (eligible) {
      outside_.add(row);
    } else {
      outside_.remove(row);
    }
  }
}

uint32_t RoleIndex::Update(uint32_t row, const RowFacts& facts,
                           absl::Span<const float> offer,
                           absl::Span<const float> need) {
  if (!vectors_.Holds(row, offer, need)) {
    Remove(row);
    return Add(facts, offer, need);
  }
  const RowAttributes old = attributes_[row];
  const std::vector<Figure> old_figures = figures_.Get(row);
  const bool was_eligible = IsEligible(row);
  const bool same_figures = old_figures == facts.figures;
  if (old == facts.attributes && same_figures &&
      was_eligible == facts.eligible) {
    return row;
  }
  old_keys_.clear();
  new_keys_.clear();
  if (was_eligible) KeysOf(old, old_figures, old_keys_);
  if (facts.eligible) KeysOf(facts.attributes, facts.figures, new_keys_);
  postings_.Change(row, old_keys_, new_keys_);
  if (was_eligible != facts.eligible) SetEligible(row, facts.eligible);
  if (!(old == facts.attributes)) attributes_.Mutable(row) = facts.attributes;
  if (!same_figures) figures_.Set(row, facts.figures);
  return row;
}

void RoleIndex::Remove(uint32_t row) {
  if (IsEligible(row)) {
    KeysOf(attributes_[row], figures_.Get(row), old_keys_);
    postings_.Remove(row, old_keys_);
    SetEligible(row, false);
  }
  attributes_.Mutable(row) = RowAttributes();
  figures_.Set(row, {});
  states_[row] &= static_cast<uint8_t>(~kLive);
  --live_;
  if (states_[row] == 0) {
    LeaveRow(row);
  } else {
    if ((states_[row] & kInGraph) != 0) ++dead_in_graph_;
    oldest_dead_ = std::min(oldest_dead_, absl::Now());
  }
}

void RoleIndex::LeaveRow(uint32_t row) { left_.push_back({version_ + 1, row}); }

RoleView RoleIndex::Freeze(uint64_t version) {
  if (outside_changed_) {
    frozen_outside_ = std::make_shared<const Roaring>(outside_);
    outside_changed_ = false;
  }
  RoleView view;
  view.partitions.rows = vectors_.view();
  view.partitions.sealed = graph_;
  view.partitions.outside = frozen_outside_;
  view.eligible = eligible_.Freeze();
  view.eligible_count = eligible_count_;
  view.columns.attributes = attributes_.Freeze();
  view.columns.postings = postings_.Freeze();
  view.columns.figures = figures_.Freeze();
  view.graph = graph_;
  version_ = version;
  return view;
}

void RoleIndex::Reclaim(uint64_t version) {
  while (!left_.empty() && left_.front().version <= version) {
    vectors_.Erase(left_.front().row);
    free_.push_back(left_.front().row);
    left_.pop_front();
  }
}

RoleIndex::Need RoleIndex::BuildNeed(const RolePolicy& policy) const {
  if (live_ < policy.graph_rows) return Need::kNothing;
  if (graph_ == nullptr) return Need::kRebuild;
  const size_t size = graph_->size();
  const auto share = [&](double part) {
    return static_cast<size_t>(part * static_cast<double>(size));
  };
  if (dead_in_graph_ > share(policy.dead_share) ||
      (dead_in_graph_ > 0 && absl::Now() - oldest_dead_ > policy.dead_age)) {
    return Need::kRebuild;
  }
  const size_t outside = live_ + dead_in_graph_ - size;
  return outside > std::max(policy.delta_rows, share(policy.delta_share))
             ? Need::kMerge
             : Need::kNothing;
}

bool RoleIndex::WantsBuild(const RolePolicy& policy) const {
  return building_ || BuildNeed(policy) != Need::kNothing;
}

std::optional<RoleIndex::BuildTask> RoleIndex::StartBuild(
    const RolePolicy& policy) {
  if (building_) return std::nullopt;
  const Need need = BuildNeed(policy);
  if (need == Need::kNothing) return std::nullopt;
  const bool anew = need == Need::kRebuild;
  BuildTask task;
  task.vectors = vectors_.view();
  if (!anew) task.base = graph_;
  for (uint32_t row = 0; row < states_.size(); ++row) {
    if ((states_[row] & kLive) == 0) continue;
    if (!anew && (states_[row] & kInGraph) != 0) continue;
    task.rows.push_back(row);
    states_[row] |= kInBuild;
  }
  building_ = true;
  return task;
}

void RoleIndex::FinishBuild(std::shared_ptr<const HnswPartition> graph) {
  building_ = false;
  std::vector<bool> in_graph(states_.size());
  if (graph != nullptr) graph_ = std::move(graph);
  if (graph_ != nullptr) {
    for (uint32_t row : graph_->rows()) in_graph[row] = true;
  }
  dead_in_graph_ = 0;
  outside_ = Roaring();
  for (uint32_t row = 0; row < states_.size(); ++row) {
    if (states_[row] == 0) continue;  // left before
    const bool live = (states_[row] & kLive) != 0;
    states_[row] = static_cast<uint8_t>((live ? kLive : 0) |
                                        (in_graph[row] ? kInGraph : 0));
    if (in_graph[row]) {
      if (!live) ++dead_in_graph_;
    } else if (!live) {
      LeaveRow(row);
    } else if (IsEligible(row)) {
      outside_.add(row);
    }
  }
  outside_.runOptimize();
  outside_changed_ = true;
  oldest_dead_ = dead_in_graph_ == 0 ? absl::InfiniteFuture() : absl::Now();
}

bool RoleIndex::Retune(const std::shared_ptr<const HnswPartition>& graph,
                       std::shared_ptr<const HnswPartition> tuned) {
  // A build under way goes on from the graph of before, with its care.
  if (graph_ != graph || building_) return false;
  graph_ = std::move(tuned);
  return true;
}

bool RoleIndex::RestoreVectors(const Vectors& vectors) {
  const size_t width = vectors_.view().width();
  const size_t low_width = vectors_.view().low_width();
  const size_t rows = vectors.sides.size();
  if (vectors.scales.size() != rows || vectors.codes.size() != rows * width ||
      vectors.lows.size() != rows * low_width) {
    return false;
  }
  const auto* codes = reinterpret_cast<const int8_t*>(vectors.codes.data());
  const auto* lows = reinterpret_cast<const uint8_t*>(vectors.lows.data());
  for (size_t row = 0; row < rows; ++row) {
    // Written so that NaN fails, too. A value of unit length is at most 1.
    const float scale = vectors.scales[row];
    if (!(scale >= 0 && scale <= 1) || vectors.sides[row] > 3) return false;
    vectors_.SetBytes(static_cast<uint32_t>(row), vectors.sides[row], scale,
                      codes + row * width, lows + row * low_width);
  }
  states_.resize(rows);
  attributes_.Grow(states_.size());
  eligible_.Grow((states_.size() + RowBits::kRows - 1) / RowBits::kRows);
  return true;
}

bool RoleIndex::RestoreRow(uint32_t row, const RowFacts& facts) {
  if (row >= states_.size() || states_[row] != 0) return false;
  states_[row] = kLive;
  ++live_;
  SetFacts(row, facts);
  return true;
}

bool RoleIndex::RestoreGraph(std::shared_ptr<const HnswPartition> graph) {
  std::vector<bool> in_graph(states_.size());
  if (graph != nullptr) {
    for (uint32_t row : graph->rows()) {
      if (row >= states_.size() || in_graph[row]) return false;
      in_graph[row] = true;
      // Dead, but the way to others leads over it.
      if (states_[row] == 0) states_[row] = kInGraph;
    }
  }
  for (uint32_t row = 0; row < states_.size(); ++row) {
    if (states_[row] == 0) free_.push_back(row);
  }
  FinishBuild(std::move(graph));
  return true;
}

RoleIndex::Bytes RoleIndex::bytes() const {
  Bytes bytes;
  bytes.vectors = vectors_.bytes();
  bytes.graph = graph_ == nullptr ? 0 : graph_->bytes();
  bytes.columns = figures_.bytes() + states_.capacity() +
                  states_.size() * sizeof(RowAttributes) + states_.size() / 8;
  bytes.postings = postings_.bytes();
  return bytes;
}

}  // namespace mitra::search
