#include "services/search/partition/hnsw_builder.h"

#include <faiss/IndexHNSW.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/HNSW.h>
#include <omp.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/status/status_macros.h"
#include "services/search/kernels/kernels.h"
#include "services/search/partition/faiss_guard.h"

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

// Rows by their codes, scale and sides.
class RowsByCodes {
 public:
  explicit RowsByCodes(const VectorRows::View& vectors)
      : positions_(0, Hash{&vectors}, Equal{&vectors}) {}

  void reserve(size_t rows) { positions_.reserve(rows); }
  // The position of a row with the same codes, which is `position` if there
  // was none before.
  int32_t PositionOf(uint32_t row, int32_t position) {
    return positions_.try_emplace(row, position).first->second;
  }

 private:
  static absl::string_view Codes(const VectorRows::View& vectors,
                                 uint32_t row) {
    return {reinterpret_cast<const char*>(vectors.codes(row)),
            vectors.stride()};
  }
  struct Hash {
    const VectorRows::View* vectors;
    size_t operator()(uint32_t row) const {
      return absl::HashOf(Codes(*vectors, row), vectors->scale(row));
    }
  };
  struct Equal {
    const VectorRows::View* vectors;
    bool operator()(uint32_t a, uint32_t b) const {
      return vectors->scale(a) == vectors->scale(b) &&
             vectors->sides(a) == vectors->sides(b) &&
             Codes(*vectors, a) == Codes(*vectors, b);
    }
  };
  absl::flat_hash_map<uint32_t, int32_t, Hash, Equal> positions_;
};

// Takes `rows` into `parts`: as twins of rows that are there, or as new rows of
// the graph, at its end.
void TakeRows(const VectorRows::View& vectors, absl::Span<const uint32_t> rows,
              HnswParts& parts) {
  RowsByCodes by_codes(vectors);
  by_codes.reserve(parts.rows.size() + rows.size());
  for (size_t i = 0; i < parts.rows.size(); ++i) {
    by_codes.PositionOf(parts.rows[i], static_cast<int32_t>(i));
  }
  std::vector<std::pair<int32_t, uint32_t>> twins;
  for (size_t i = 0; i < parts.twins.size(); ++i) {
    twins.emplace_back(parts.twin_of[i], parts.twins[i]);
  }
  for (uint32_t row : rows) {
    const auto next = static_cast<int32_t>(parts.rows.size());
    const int32_t position = by_codes.PositionOf(row, next);
    if (position == next) {
      parts.rows.push_back(row);
    } else {
      twins.emplace_back(position, row);
    }
  }
  std::sort(twins.begin(), twins.end());
  parts.twins.clear();
  parts.twin_of.clear();
  for (const auto& [position, row] : twins) {
    parts.twins.push_back(row);
    parts.twin_of.push_back(position);
  }
}

// Lets `hnsw` go on from a finished graph.
void Restore(HnswParts& parts, faiss::HNSW& hnsw) {
  hnsw.offsets.assign(1, 0);
  hnsw.offsets.reserve(parts.rows.size() + 1);
  for (int32_t level : parts.levels) {
    hnsw.offsets.push_back(hnsw.offsets.back() +
                           static_cast<size_t>(hnsw.cum_nb_neighbors(level)));
  }
  hnsw.levels = std::move(parts.levels);
  hnsw.neighbors = std::move(parts.neighbours);
  hnsw.entry_point = parts.entry_point;
  hnsw.max_level = parts.max_level;
}

}  // namespace

absl::StatusOr<HnswParts> BuildHnsw(const VectorRows::View& vectors,
                                    absl::Span<const uint32_t> rows,
                                    const HnswLinks* base,
                                    const HnswBuildOptions& options) {
  // Inserted a batch at a time, so that a build can be stopped.
  constexpr size_t kBatch = 20000;
  const size_t old = base == nullptr ? 0 : base->rows().size();
  if (old + rows.size() > static_cast<size_t>(INT32_MAX)) {
    return absl::ResourceExhaustedError("graph: more than 2^31 rows");
  }
  HnswParts parts;
  bool stopped = false;
  MITRA_RETURN_IF_ERROR(GuardFaiss("graph", [&] {
    if (base != nullptr) {
      parts = base->ToParts();
    } else {
      parts.links = options.links;
    }
    RowStorage storage(vectors, parts.rows);
    faiss::IndexHNSW index(&storage, parts.links);
    if (base != nullptr) Restore(parts, index.hnsw);
    TakeRows(vectors, rows, parts);
    const size_t added = parts.rows.size() - old;
    std::vector<float> positions(added);
    for (size_t i = 0; i < added; ++i) {
      const auto position = static_cast<uint32_t>(old + i);
      std::memcpy(&positions[i], &position, sizeof(position));
    }
    // All at once: growing by doubling would take twice the room. A row has a
    // list of each upper level, of which there is one to 1/(links − 1) rows.
    const auto links = static_cast<size_t>(parts.links);
    index.hnsw.neighbors.reserve(index.hnsw.neighbors.size() +
                                 added * (2 * links + 2));
    index.hnsw.efConstruction = options.build_breadth;
    index.ntotal = storage.ntotal = static_cast<int64_t>(old);
    omp_set_num_threads(std::max(options.threads, 1));
    for (size_t done = 0; done < added && !stopped; done += kBatch) {
      const size_t n = std::min(kBatch, added - done);
      index.add(static_cast<int64_t>(n), positions.data() + done);
      stopped = options.stop != nullptr &&
                options.stop->load(std::memory_order_relaxed);
    }
    parts.levels = std::move(index.hnsw.levels);
    parts.neighbours = std::move(index.hnsw.neighbors);
    parts.entry_point = index.hnsw.entry_point;
    parts.max_level = index.hnsw.max_level;
  }));
  if (stopped) return absl::CancelledError("graph: build was stopped");
  return parts;
}

}  // namespace mitra::search
