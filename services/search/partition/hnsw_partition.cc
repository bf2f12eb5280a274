#include "services/search/partition/hnsw_partition.h"

#include <faiss/IndexHNSW.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/FaissException.h>
#include <faiss/impl/HNSW.h>
#include <faiss/impl/IDSelector.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

#include "absl/strings/str_cat.h"
#include "services/search/kernels/kernels.h"

namespace mitra::search {
namespace {

using faiss::DistanceComputer;

// The value of the extra dimension: all rows get length √2.
float Extra(uint8_t sides) {
  switch (sides) {
    case VectorRows::kOffer | VectorRows::kNeed:
      return 0;
    case 0:
      return 1.41421356F;
    default:
      return 1;
  }
}

// Negative inner products between rows of the graph, extra dimension included.
// The "vector" that FAISS passes is one float holding the bits of a position.
class RowToRow : public DistanceComputer {
 public:
  RowToRow(const VectorRows::View& vectors, const std::vector<uint32_t>& rows)
      : vectors_(vectors), rows_(rows), kernels_(ActiveKernels()) {}

  void set_query(const float* x) override {
    uint32_t position;
    std::memcpy(&position, x, sizeof(position));
    query_ = rows_[position];
  }
  float operator()(idx_t i) override {
    return Distance(query_, rows_[static_cast<size_t>(i)]);
  }
  float symmetric_dis(idx_t i, idx_t j) override {
    return Distance(rows_[static_cast<size_t>(i)],
                    rows_[static_cast<size_t>(j)]);
  }

 private:
  float Distance(uint32_t a, uint32_t b) const {
    const int32_t dot =
        kernels_.dot_i8(vectors_.codes(a), vectors_.codes(b), vectors_.width());
    return -static_cast<float>(dot) * vectors_.scale(a) * vectors_.scale(b) -
           Extra(vectors_.sides(a)) * Extra(vectors_.sides(b));
  }

  const VectorRows::View& vectors_;
  const std::vector<uint32_t>& rows_;
  const Kernels& kernels_;
  uint32_t query_ = 0;
};

// Negative estimates of a query's scores.
class QueryToRow : public DistanceComputer {
 public:
  QueryToRow(const PartitionSearch& search, const std::vector<uint32_t>& rows)
      : search_(search), rows_(rows), kernels_(ActiveKernels()) {}

  void set_query(const float*) override {}
  float operator()(idx_t i) override {
    const uint32_t row = rows_[static_cast<size_t>(i)];
    const int32_t dot = kernels_.dot_i8(
        search_.query.codes(), search_.rows.codes(row), search_.query.width());
    return -static_cast<float>(dot) *
           (search_.rows.scale(row) * search_.query.scale());
  }
  float symmetric_dis(idx_t, idx_t) override { return 0; }  // not asked

 private:
  const PartitionSearch& search_;
  const std::vector<uint32_t>& rows_;
  const Kernels& kernels_;
};

// What FAISS takes for the store of the vectors while it builds.
class RowStorage : public faiss::Index {
 public:
  RowStorage(const VectorRows::View& vectors, const std::vector<uint32_t>& rows)
      : Index(1, faiss::METRIC_L2), vectors_(vectors), rows_(rows) {}

  void add(idx_t n, const float*) override { ntotal += n; }
  void reset() override { ntotal = 0; }
  void search(idx_t, const float*, idx_t, float*, idx_t*,
              const faiss::SearchParameters*) const override {}
  DistanceComputer* get_distance_computer() const override {
    return new RowToRow(vectors_, rows_);
  }

 private:
  const VectorRows::View& vectors_;
  const std::vector<uint32_t>& rows_;
};

class PassingRows : public faiss::IDSelector {
 public:
  PassingRows(const RowFilter& filter, const std::vector<uint32_t>& rows)
      : filter_(filter), rows_(rows) {}
  bool is_member(idx_t id) const override {
    return filter_.Passes(rows_[static_cast<size_t>(id)]);
  }

 private:
  const RowFilter& filter_;
  const std::vector<uint32_t>& rows_;
};

// FAISS allocates a table of visited rows for every search of its own; one per
// thread, as large as the largest graph so far, does.
faiss::VisitedTable& VisitedOfThread(size_t size) {
  thread_local std::unique_ptr<faiss::VisitedTable> table;
  if (table == nullptr || table->visited.size() < size) {
    table = std::make_unique<faiss::VisitedTable>(
        static_cast<int>(size + size / 4));
  }
  return *table;
}

// Runs FAISS code; its exceptions end here.
template <typename Work>
absl::Status Guarded(Work work) {
  try {
    work();
    return absl::OkStatus();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("graph: out of memory");
  } catch (const faiss::FaissException& e) {
    return absl::InternalError(absl::StrCat("graph: ", e.what()));
  } catch (const std::exception& e) {
    return absl::InternalError(absl::StrCat("graph: ", e.what()));
  }
}

}  // namespace

struct HnswPartition::Graph {
  explicit Graph(int link_count) : links(link_count), hnsw(link_count) {}
  int links;
  faiss::HNSW hnsw;
  std::vector<uint32_t> rows;
};

HnswPartition::HnswPartition(std::unique_ptr<Graph> graph)
    : graph_(std::move(graph)) {}
HnswPartition::~HnswPartition() = default;

absl::StatusOr<std::unique_ptr<HnswPartition>> HnswPartition::Build(
    const VectorRows::View& vectors, absl::Span<const uint32_t> rows,
    const HnswPartition* base, const Options& options) {
  // Inserted a batch at a time, so that a build can be stopped.
  constexpr size_t kBatch = 20000;
  auto graph = std::make_unique<Graph>(options.links);
  const size_t old = base == nullptr ? 0 : base->graph_->rows.size();
  if (old + rows.size() > static_cast<size_t>(INT32_MAX)) {
    return absl::ResourceExhaustedError("graph: more than 2^31 rows");
  }
  bool stopped = false;
  const absl::Status built = Guarded([&] {
    if (base != nullptr) {
      graph->links = base->graph_->links;
      graph->rows = base->graph_->rows;
    }
    graph->rows.insert(graph->rows.end(), rows.begin(), rows.end());
    std::vector<float> positions(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto position = static_cast<uint32_t>(old + i);
      std::memcpy(&positions[i], &position, sizeof(position));
    }
    RowStorage storage(vectors, graph->rows);
    faiss::IndexHNSW index(&storage, graph->links);
    if (base != nullptr) index.hnsw = base->graph_->hnsw;
    index.hnsw.efConstruction = options.build_breadth;
    index.ntotal = storage.ntotal = static_cast<int64_t>(old);
    omp_set_num_threads(std::max(options.threads, 1));
    for (size_t done = 0; done < rows.size() && !stopped; done += kBatch) {
      const size_t n = std::min(kBatch, rows.size() - done);
      index.add(static_cast<int64_t>(n), positions.data() + done);
      stopped = options.stop != nullptr &&
                options.stop->load(std::memory_order_relaxed);
    }
    graph->hnsw = std::move(index.hnsw);
  });
  if (!built.ok()) return built;
  if (stopped) return absl::CancelledError("graph: build was stopped");
  return std::unique_ptr<HnswPartition>(new HnswPartition(std::move(graph)));
}

absl::Status HnswPartition::Search(const PartitionSearch& search,
                                   EstimatePool& pool) const {
  const size_t size = graph_->rows.size();
  if (size == 0) return absl::OkStatus();
  size_t breadth = WalkBreadth(pool.want(), search.filter.count(), size);
  return Guarded([&] {
    PassingRows passing(search.filter, graph_->rows);
    QueryToRow distances(search, graph_->rows);
    faiss::SearchParametersHNSW parameters;
    parameters.sel = &passing;
    std::vector<int64_t> found;
    std::vector<float> scores;
    while (true) {
      breadth = std::min(breadth, size);
      // FAISS takes the larger of k and its own breadth for both.
      parameters.efSearch = static_cast<int>(breadth);
      found.assign(breadth, -1);
      scores.assign(breadth, std::numeric_limits<float>::max());
      faiss::VisitedTable& visited = VisitedOfThread(size);
      visited.advance();
      graph_->hnsw.search(distances, static_cast<int>(breadth), found.data(),
                          scores.data(), visited, &parameters);
      visited.advance();
      const auto met = static_cast<size_t>(std::count_if(
          found.begin(), found.end(), [](int64_t id) { return id >= 0; }));
      if (met >= std::min(pool.want(), size) || breadth == size) break;
      breadth *= 4;
    }
    for (size_t i = 0; i < found.size(); ++i) {
      if (found[i] < 0) continue;
      pool.Add(graph_->rows[static_cast<size_t>(found[i])], -scores[i]);
    }
  });
}

size_t HnswPartition::size() const { return graph_->rows.size(); }

size_t HnswPartition::bytes() const {
  const faiss::HNSW& hnsw = graph_->hnsw;
  return graph_->rows.capacity() * sizeof(uint32_t) +
         hnsw.neighbors.capacity() * sizeof(hnsw.neighbors[0]) +
         hnsw.offsets.capacity() * sizeof(hnsw.offsets[0]) +
         hnsw.levels.capacity() * sizeof(hnsw.levels[0]);
}

const std::vector<uint32_t>& HnswPartition::rows() const {
  return graph_->rows;
}

HnswPartition::Parts HnswPartition::ToParts() const {
  const faiss::HNSW& hnsw = graph_->hnsw;
  Parts parts;
  parts.rows = graph_->rows;
  parts.levels.assign(hnsw.levels.begin(), hnsw.levels.end());
  parts.neighbours.assign(hnsw.neighbors.begin(), hnsw.neighbors.end());
  parts.links = graph_->links;
  parts.entry_point = hnsw.entry_point;
  parts.max_level = hnsw.max_level;
  return parts;
}

absl::StatusOr<std::unique_ptr<HnswPartition>> HnswPartition::FromParts(
    Parts parts) {
  const auto damaged = [](absl::string_view what) {
    return absl::DataLossError(absl::StrCat("graph: ", what));
  };
  const size_t size = parts.rows.size();
  if (parts.links < 2 || parts.links > 256) return damaged("links");
  if (parts.levels.size() != size || size > INT32_MAX) return damaged("levels");
  auto graph = std::make_unique<Graph>(parts.links);
  faiss::HNSW& hnsw = graph->hnsw;
  const int top = static_cast<int>(hnsw.cum_nneighbor_per_level.size()) - 1;
  hnsw.offsets.assign(1, 0);
  hnsw.offsets.reserve(size + 1);
  for (int32_t level : parts.levels) {
    if (level < 1 || level > top) return damaged("levels");
    hnsw.offsets.push_back(hnsw.offsets.back() +
                           static_cast<size_t>(hnsw.cum_nb_neighbors(level)));
  }
  if (hnsw.offsets.back() != parts.neighbours.size()) {
    return damaged("neighbours");
  }
  // A link must lead to a row that stands on the link's level.
  for (size_t i = 0; i < size; ++i) {
    for (int level = 0; level < parts.levels[i]; ++level) {
      size_t begin;
      size_t end;
      hnsw.neighbor_range(static_cast<int64_t>(i), level, &begin, &end);
      for (size_t j = begin; j < end; ++j) {
        const int32_t to = parts.neighbours[j];
        if (to < -1 ||
            (to >= 0 && (static_cast<size_t>(to) >= size ||
                         parts.levels[static_cast<size_t>(to)] <= level))) {
          return damaged("neighbours");
        }
      }
    }
  }
  const bool empty = size == 0;
  if (empty != (parts.entry_point == -1) || parts.entry_point < -1 ||
      (!empty &&
       (static_cast<size_t>(parts.entry_point) >= size ||
        parts.max_level !=
            parts.levels[static_cast<size_t>(parts.entry_point)] - 1))) {
    return damaged("entry point");
  }
  hnsw.levels.assign(parts.levels.begin(), parts.levels.end());
  hnsw.neighbors.assign(parts.neighbours.begin(), parts.neighbours.end());
  hnsw.entry_point = parts.entry_point;
  hnsw.max_level = parts.max_level;
  graph->rows = std::move(parts.rows);
  return std::unique_ptr<HnswPartition>(new HnswPartition(std::move(graph)));
}

}  // namespace mitra::search
