// The graph of a role as a partition: built by FAISS, walked by us, or scanned
// by lists where walks get lost.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_HNSW_PARTITION_H_
#define MITRA_SERVICES_SEARCH_PARTITION_HNSW_PARTITION_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/search/partition/entry_pivots.h"
#include "services/search/partition/hnsw_builder.h"
#include "services/search/partition/hnsw_links.h"
#include "services/search/partition/inverted_file.h"
#include "services/search/partition/partition.h"
#include "services/search/partition/twin_order.h"

namespace mitra::search {

inline constexpr Lean kAllLeans[] = {Lean::kTake, Lean::kBoth, Lean::kGive};

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

  // How the rows nearest to a question are looked for: by a walk that begins
  // where the upper levels lead or at pivots (see EntryPivots), or in the
  // nearest lists (see InvertedFile).
  enum class Way : uint8_t { kLevels, kPivots, kLists };

  // See WalkBreadth; of questions of one lean, or of all. To be set before
  // others search.
  void set_care(Lean lean, double care) { cares_[At(lean)] = care; }
  void set_care(double care) { cares_.fill(care); }
  double care(Lean lean) const { return cares_[At(lean)]; }
  // The greatest.
  double care() const {
    return *std::max_element(cares_.begin(), cares_.end());
  }
  // For questions of one lean, or all. Pivots and lists are made from
  // `vectors` when they are first asked for, which takes seconds for lists. If
  // they cannot be made, because FAISS failed or `stop` was set, the way stays
  // as it is. To be called before others search.
  absl::Status Use(Lean lean, Way way, const VectorRows::View& vectors,
                   const std::atomic<bool>* stop = nullptr);
  absl::Status Use(Way way, const VectorRows::View& vectors);
  Way way(Lean lean) const { return ways_[At(lean)]; }
  // How many leans are looked for in that way.
  size_t leans_by(Way way) const {
    return static_cast<size_t>(std::count(ways_.begin(), ways_.end(), way));
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
           (pivots_ != nullptr ? pivots_->bytes() : 0) +
           (lists_ != nullptr ? lists_->bytes() : 0);
  }
  size_t Breadth(size_t want, size_t passing, Lean lean) const override;
  void FindEntries(absl::Span<const Query* const> queries,
                   std::vector<std::vector<uint32_t>>& entries) const override;
  // Walks or scans lists, twice more and broader each time if too few rows that
  // pass were met. Then a scan of all is the faster way to them.
  absl::Status Search(const PartitionSearch& search,
                      EstimatePool& pool) const override;

 private:
  static size_t At(Lean lean) { return static_cast<size_t>(lean); }
  // Scans lists of about `rows` rows of the graph.
  void ScanLists(const PartitionSearch& search, size_t rows,
                 EstimatePool& pool) const;

  std::shared_ptr<const HnswLinks> links_;
  std::shared_ptr<const TwinOrder> twins_;
  std::array<double, kLeans> cares_ = {1, 1, 1};
  std::array<Way, kLeans> ways_ = {};
  size_t calibrated_size_ = 0;
  uint64_t tuned_at_ = 0;
  std::shared_ptr<const EntryPivots> pivots_;
  std::shared_ptr<const InvertedFile> lists_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_HNSW_PARTITION_H_
