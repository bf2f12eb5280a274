#include "services/search/partition/hnsw_partition.h"

#include <algorithm>

#include "common/status/status_macros.h"
#include "services/search/partition/hnsw_walk.h"
#include "services/search/partition/row_clusters.h"
#include "services/search/partition/row_offers.h"
#include "services/search/partition/row_scanner.h"

namespace mitra::search {
namespace {

// Rows of lists that are scanned in the time in which a walk becomes one row
// broader, so that the care of both ways is the same measure.
constexpr size_t kListRows = 12;
// With so many times the rows that they were made for, lists are made anew.
constexpr size_t kOutgrown = 4;
// Pivots at which a walk begins.
constexpr size_t kEntries = 32;

}  // namespace

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
    const std::vector<uint32_t>& all = partition->links_->rows();
    if (base->lists_ != nullptr &&
        all.size() <= kOutgrown * base->lists_->trained_size()) {
      partition->lists_ = std::make_shared<const InvertedFile>(
          *base->lists_,
          absl::MakeConstSpan(all).subspan(base->links_->rows().size()),
          vectors);
    }
    for (const Lean lean : kAllLeans) {
      MITRA_RETURN_IF_ERROR(
          partition->Use(lean, base->way(lean), vectors, options.stop));
    }
  }
  return partition;
}

std::vector<uint32_t> HnswPartition::rows() const {
  std::vector<uint32_t> rows = links_->rows();
  rows.insert(rows.end(), links_->twins().begin(), links_->twins().end());
  return rows;
}

absl::Status HnswPartition::Use(Lean lean, Way way,
                                const VectorRows::View& vectors,
                                const std::atomic<bool>* stop) {
  if (way == Way::kPivots && pivots_ == nullptr) {
    pivots_ = std::make_shared<const EntryPivots>(links_->rows(), vectors);
  }
  if (way == Way::kLists && lists_ == nullptr) {
    MITRA_ASSIGN_OR_RETURN(const std::vector<float> centroids,
                           ClusterRows(vectors, links_->rows(), stop));
    lists_ = std::make_shared<const InvertedFile>(centroids, links_->rows(),
                                                  vectors);
  }
  ways_[At(lean)] = way;
  return absl::OkStatus();
}

absl::Status HnswPartition::Use(Way way, const VectorRows::View& vectors) {
  for (const Lean lean : kAllLeans) {
    MITRA_RETURN_IF_ERROR(Use(lean, way, vectors));
  }
  return absl::OkStatus();
}

size_t HnswPartition::Breadth(size_t want, size_t passing, Lean lean) const {
  return WalkBreadth(want, passing, size(), care(lean));
}

void HnswPartition::ScanLists(const PartitionSearch& search, size_t rows,
                              EstimatePool& pool) const {
  thread_local std::vector<uint32_t> found;
  lists_->Nearest(search.query, rows, found);
  RowOffers offers(*links_, search, twins_.get(), pool);
  RowScanner(search.rows, search.query)
      .Scan(
          found, [&] { return pool.threshold(); },
          [&](uint32_t row, float estimate) { offers.Offer(row, estimate); });
}

void HnswPartition::FindEntries(
    absl::Span<const Query* const> queries,
    std::vector<std::vector<uint32_t>>& entries) const {
  entries.assign(queries.size(), {});
  std::vector<const Query*> asked;
  std::vector<std::vector<uint32_t>*> nearest;
  for (size_t i = 0; i < queries.size(); ++i) {
    if (way(queries[i]->lean()) != Way::kPivots) continue;
    asked.push_back(queries[i]);
    nearest.push_back(&entries[i]);
  }
  if (!asked.empty()) pivots_->NearestForAll(asked, kEntries, nearest);
}

absl::Status HnswPartition::Search(const PartitionSearch& search,
                                   EstimatePool& pool) const {
  constexpr int kTries = 3;
  thread_local std::vector<uint32_t> own;
  own.clear();
  absl::Span<const uint32_t> entries = search.entries;
  const Lean lean = search.query.lean();
  if (entries.empty() && way(lean) == Way::kPivots) {
    pivots_->Nearest(search.query, kEntries, own);
    entries = own;
  }
  size_t breadth = Breadth(pool.want(), search.filter.count(), lean);
  for (int tried = 0; tried < kTries; ++tried, breadth *= 4) {
    breadth = std::min(breadth, size());
    pool.Clear();
    if (way(lean) == Way::kLists) {
      ScanLists(search, breadth * kListRows, pool);
    } else {
      WalkHnsw(*links_, search, entries, breadth, pool, twins_.get());
    }
    if (breadth == size() || pool.Finish().size() >= pool.want()) break;
  }
  return absl::OkStatus();
}

}  // namespace mitra::search
