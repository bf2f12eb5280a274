#include "services/search/partition/hnsw_partition.h"

#include <algorithm>

#include "common/status/status_macros.h"
#include "services/search/partition/hnsw_walk.h"

namespace mitra::search {

absl::StatusOr<std::unique_ptr<HnswPartition>> HnswPartition::Build(
    const VectorRows::View& vectors, absl::Span<const uint32_t> rows,
    const HnswPartition* base, const HnswBuildOptions& options) {
  MITRA_ASSIGN_OR_RETURN(
      const HnswParts parts,
      BuildHnsw(vectors, rows, base == nullptr ? nullptr : &base->links(),
                options));
  MITRA_ASSIGN_OR_RETURN(HnswLinks links, HnswLinks::FromParts(parts));
  auto partition = std::make_unique<HnswPartition>(std::move(links));
  if (base != nullptr) {
    partition->cares_ = base->cares_;
    partition->calibrated_size_ = base->calibrated_size_;
    partition->tuned_at_ = base->tuned_at_;
    for (const Lean lean : {Lean::kTake, Lean::kBoth, Lean::kGive}) {
      if (base->uses_pivots(lean)) partition->UsePivots(lean, vectors);
    }
  }
  return partition;
}

std::vector<uint32_t> HnswPartition::rows() const {
  std::vector<uint32_t> rows = links_->rows();
  rows.insert(rows.end(), links_->twins().begin(), links_->twins().end());
  return rows;
}

void HnswPartition::UsePivots(Lean lean, const VectorRows::View& vectors) {
  if (pivots_ == nullptr) {
    pivots_ = std::make_shared<const EntryPivots>(links_->rows(), vectors);
  }
  from_pivots_[At(lean)] = true;
}

void HnswPartition::UsePivots(const VectorRows::View& vectors) {
  for (const Lean lean : {Lean::kTake, Lean::kBoth, Lean::kGive}) {
    UsePivots(lean, vectors);
  }
}

size_t HnswPartition::Breadth(size_t want, size_t passing, Lean lean) const {
  return WalkBreadth(want, passing, size(), care(lean));
}

absl::Status HnswPartition::Search(const PartitionSearch& search,
                                   EstimatePool& pool) const {
  constexpr int kWalks = 3;
  constexpr size_t kEntries = 32;
  thread_local std::vector<uint32_t> entries;
  entries.clear();
  const Lean lean = search.query.lean();
  if (uses_pivots(lean)) pivots_->Nearest(search.query, kEntries, entries);
  size_t breadth = Breadth(pool.want(), search.filter.count(), lean);
  for (int walk = 0; walk < kWalks; ++walk, breadth *= 4) {
    breadth = std::min(breadth, size());
    pool.Clear();
    WalkHnsw(*links_, search, entries, breadth, pool, twins_.get());
    if (breadth == size() || pool.Finish().size() >= pool.want()) break;
  }
  return absl::OkStatus();
}

}  // namespace mitra::search
