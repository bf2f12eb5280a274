// The graph of a role as a partition: built by FAISS, walked by us.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_HNSW_PARTITION_H_
#define MITRA_SERVICES_SEARCH_PARTITION_HNSW_PARTITION_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/search/partition/entry_pivots.h"
#include "services/search/partition/hnsw_builder.h"
#include "services/search/partition/hnsw_links.h"
#include "services/search/partition/partition.h"
#include "services/search/partition/twin_order.h"

namespace mitra::search {

class HnswPartition : public Partition {
 public:
  explicit HnswPartition(HnswLinks links)
      : links_(std::make_shared<const HnswLinks>(std::move(links))),
        twins_(std::make_shared<const TwinOrder>(links_->groups())) {}

  // See BuildHnsw. What was found out about walks of `base` holds for the
  // result, too.
  static absl::StatusOr<std::unique_ptr<HnswPartition>> Build(
      const VectorRows::View& vectors, absl::Span<const uint32_t> rows,
      const HnswPartition* base, const HnswBuildOptions& options);

  // The same graph, to be walked otherwise.
  std::shared_ptr<HnswPartition> Copy() const {
    return std::make_shared<HnswPartition>(*this);
  }

  const HnswLinks& links() const { return *links_; }
  // The rows in the graph, dead ones included.
  std::vector<uint32_t> rows() const;

  // See WalkBreadth; of questions of one lean, or of all. To be set before
  // others search.
  void set_care(Lean lean, double care) { cares_[At(lean)] = care; }
  void set_care(double care) { cares_.fill(care); }
  double care(Lean lean) const { return cares_[At(lean)]; }
  // The greatest.
  double care() const {
    return *std::max_element(cares_.begin(), cares_.end());
  }
  // Begins walks at pivots from now on, or no more: those of questions of one
  // lean, or all. To be called before others search.
  void UsePivots(Lean lean, const VectorRows::View& vectors);
  void UsePivots(const VectorRows::View& vectors);
  void UseLevels(Lean lean) { from_pivots_[At(lean)] = false; }
  bool uses_pivots(Lean lean) const { return from_pivots_[At(lean)]; }
  bool uses_pivots() const {
    return std::count(from_pivots_.begin(), from_pivots_.end(), true) > 0;
  }
  // How many rows there were when the care was chosen; 0 if it was not.
  void set_calibrated_size(size_t size) { calibrated_size_ = size; }
  size_t calibrated_size() const { return calibrated_size_; }
  // Whose count of questions had come when the care was chosen by those that
  // people ask; 0 if it was chosen by a sample of the rows.
  void set_tuned_at(uint64_t questions) { tuned_at_ = questions; }
  uint64_t tuned_at() const { return tuned_at_; }

  absl::string_view kind() const override { return "hnsw"; }
  size_t size() const override {
    return links_->rows().size() + links_->twins().size();
  }
  size_t bytes() const override {
    return links_->bytes() + twins_->bytes() +
           (pivots_ != nullptr ? pivots_->bytes() : 0);
  }
  size_t Breadth(size_t want, size_t passing, Lean lean) const override;
  // Walks, twice more and broader each time if too few rows that pass were
  // met. Then a scan is the faster way to them.
  absl::Status Search(const PartitionSearch& search,
                      EstimatePool& pool) const override;

 private:
  static size_t At(Lean lean) { return static_cast<size_t>(lean); }

  std::shared_ptr<const HnswLinks> links_;
  std::shared_ptr<const TwinOrder> twins_;
  std::array<double, kLeans> cares_ = {1, 1, 1};
  std::array<bool, kLeans> from_pivots_ = {};
  size_t calibrated_size_ = 0;
  uint64_t tuned_at_ = 0;
  std::shared_ptr<const EntryPivots> pivots_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_HNSW_PARTITION_H_
