// Everything that search keeps of one role: vectors, attributes, postings, the
// graph and what stands outside it.
//
// A facet stands in one row. A change of its vectors moves it to a new row; a
// change of its attributes changes the row's columns in place. Rows that were
// left are used again once neither a graph nor a reader's view reaches them.

#ifndef MITRA_SERVICES_SEARCH_INDEX_ROLE_INDEX_H_
#define MITRA_SERVICES_SEARCH_INDEX_ROLE_INDEX_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "roaring/roaring.hh"
#include "services/search/filter/member_filter.h"
#include "services/search/filter/posting_index.h"
#include "services/search/filter/row_attributes.h"
#include "services/search/filter/row_figures.h"
#include "services/search/partition/hnsw_partition.h"
#include "services/search/partition/role_search.h"
#include "services/search/partition/row_filter.h"
#include "services/search/partition/vector_rows.h"
#include "services/search/persistent/cow_vector.h"

namespace mitra::search {

// One role as readers see it. Immutable.
struct RoleView {
  RolePartitions partitions;
  RowBitsVector::View eligible;
  size_t eligible_count = 0;
  FilterColumns columns;
  std::shared_ptr<const HnswPartition> graph;
};

struct RolePolicy {
  // From this many facets on, a role has a graph. Below, a scan is exact and as
  // fast as a walk; up to SearchPlan::scan_rows a walk is only used to look
  // whether a role has anything that beats what others have.
  size_t graph_rows = 8000;
  // Rows outside the graph that are merged into it: at least this many, or
  // this share of the graph. Each search scans them, at 8 ns a row; merging
  // costs 0.15 ms a row and the copying of the graph.
  size_t delta_rows = 4000;
  double delta_share = 0.004;
  // Dead rows in the graph that make it be built anew: this share, or any that
  // is older than `dead_age` (deleted members must be gone within 24 h).
  double dead_share = 0.25;
  absl::Duration dead_age = absl::Hours(12);
};

// What filters ask of one facet.
struct RowFacts {
  RowAttributes attributes;
  std::vector<Figure> figures;
  // May be shown to others.
  bool eligible = false;
};

// For one writer at a time, but for the views.
class RoleIndex {
 public:
  explicit RoleIndex(size_t dimension);

  // Puts a facet into a row of its own and returns it.
  uint32_t Add(const RowFacts& facts, absl::Span<const float> offer,
               absl::Span<const float> need);
  // Returns the row where the facet stands afterwards.
  uint32_t Update(uint32_t row, const RowFacts& facts,
                  absl::Span<const float> offer, absl::Span<const float> need);
  void Remove(uint32_t row);

  // The state of now, to be published under `version`, which grows.
  RoleView Freeze(uint64_t version);
  // No view of a version below `version` is alive any more.
  void Reclaim(uint64_t version);

  // A build that should be made, if any.
  struct BuildTask {
    VectorRows::View vectors;
    std::vector<uint32_t> rows;
    std::shared_ptr<const HnswPartition> base;  // null: build anew
  };
  std::optional<BuildTask> StartBuild(const RolePolicy& policy);
  // Takes the result of the task of StartBuild, or null if it failed.
  void FinishBuild(std::shared_ptr<const HnswPartition> graph);
  // Walks the graph as `tuned` says, if that is of `graph` and it is still the
  // one in use.
  bool Retune(const std::shared_ptr<const HnswPartition>& graph,
              std::shared_ptr<const HnswPartition> tuned);
  // Null if there is none.
  const std::shared_ptr<const HnswPartition>& graph() const { return graph_; }
  // A build is due or under way.
  bool WantsBuild(const RolePolicy& policy) const;

  // Vectors as a snapshot keeps them, by row: sides, scale, 2·d codes, the low
  // half bytes.
  struct Vectors {
    std::vector<uint8_t> sides;
    std::vector<float> scales;
    std::string codes;
    std::string lows;
  };
  // The steps of coming back from a snapshot, in this order, on a new object:
  // all vectors, then the live rows, then the graph or null. False if sizes or
  // scales are not what they must be, or a row is not there or was given twice.
  bool RestoreVectors(const Vectors& vectors);
  bool RestoreRow(uint32_t row, const RowFacts& facts);
  bool RestoreGraph(std::shared_ptr<const HnswPartition> graph);

  const VectorRows::View& vectors() const { return vectors_.view(); }
  size_t live() const { return live_; }
  size_t dead() const { return dead_in_graph_; }
  // Since when the oldest dead row is kept; InfiniteFuture if there is none.
  absl::Time oldest_dead() const { return oldest_dead_; }
  size_t graph_size() const { return graph_ == nullptr ? 0 : graph_->size(); }
  size_t outside() const { return outside_.cardinality(); }
  bool building() const { return building_; }
  double care() const { return graph_ == nullptr ? 0 : graph_->care(); }
  // Bytes in use, by what they are for.
  struct Bytes {
    size_t vectors = 0;
    size_t graph = 0;
    // What is kept of each row for filters, and the bitmaps by value.
    size_t columns = 0;
    size_t postings = 0;
    size_t sum() const { return vectors + graph + columns + postings; }
  };
  Bytes bytes() const;

 private:
  enum RowState : uint8_t { kLive = 1, kInGraph = 2, kInBuild = 4 };

  enum class Need { kNothing, kMerge, kRebuild };
  Need BuildNeed(const RolePolicy& policy) const;
  uint32_t TakeRow();
  void LeaveRow(uint32_t row);
  void SetEligible(uint32_t row, bool eligible);
  // Writes what filters ask of a row that has been empty.
  void SetFacts(uint32_t row, const RowFacts& facts);
  bool IsEligible(uint32_t row) const {
    return eligible_[row / RowBits::kRows].test(row % RowBits::kRows);
  }

  VectorRows vectors_;
  RowBitsVector eligible_;
  size_t eligible_count_ = 0;
  AttributeVector attributes_;
  FigureTable figures_;
  PostingIndex postings_;
  std::shared_ptr<const HnswPartition> graph_;
  // Rows that may be found and are not in the graph.
  Roaring outside_;
  bool outside_changed_ = true;
  std::shared_ptr<const Roaring> frozen_outside_;

  std::vector<uint8_t> states_;
  size_t live_ = 0;
  size_t dead_in_graph_ = 0;
  bool building_ = false;
  absl::Time oldest_dead_ = absl::InfiniteFuture();
  std::vector<uint32_t> free_;
  uint64_t version_ = 0;  // of the latest Freeze
  struct Left {
    uint64_t version;  // the first version whose view cannot reach the row
    uint32_t row;
  };
  std::deque<Left> left_;
  std::vector<AttributeKey> old_keys_;
  std::vector<AttributeKey> new_keys_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_INDEX_ROLE_INDEX_H_
