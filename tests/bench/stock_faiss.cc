#include "tests/bench/stock_faiss.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/index_io.h>
#include <omp.h>

#include <cstring>
#include <exception>
#include <filesystem>
#include <limits>
#include <utility>

namespace mitra::bench {
namespace {

constexpr int kLinks = 32;

// Σ a[i]·b[i], with what this machine has.
__attribute__((target_clones("avx512f", "arch=haswell", "default"))) float Dot(
    const float* a, const float* b, size_t n) {
  using Lanes = float __attribute__((vector_size(64)));
  constexpr size_t kWidth = sizeof(Lanes) / sizeof(float);
  Lanes sum{};
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    Lanes x, y;
    std::memcpy(&x, a + i, sizeof x);
    std::memcpy(&y, b + i, sizeof y);
    sum += x * y;
  }
  float total = 0;
  for (size_t lane = 0; lane < kWidth; ++lane) total += sum[lane];
  for (; i < n; ++i) total += a[i] * b[i];
  return total;
}

class Products final : public faiss::DistanceComputer {
 public:
  Products(const float* values, size_t dimension)
      : values_(values), dimension_(dimension) {}
  void set_query(const float* x) override { query_ = x; }
  float operator()(idx_t i) override { return Dot(query_, Row(i), dimension_); }
  float symmetric_dis(idx_t i, idx_t j) override {
    return Dot(Row(i), Row(j), dimension_);
  }

 private:
  const float* Row(idx_t i) const {
    return values_ + static_cast<size_t>(i) * dimension_;
  }
  const float* const values_;
  const size_t dimension_;
  const float* query_ = nullptr;
};

// Where FAISS finds the vectors while it builds: its own products are written
// for SSE, and a million rows would take it an hour. The graph is the same but
// for rounding, and it is searched as FAISS is.
class BuildStorage final : public faiss::Index {
 public:
  BuildStorage(const float* values, size_t dimension)
      : Index(static_cast<idx_t>(dimension), faiss::METRIC_INNER_PRODUCT),
        values_(values) {}
  void add(idx_t n, const float*) override { ntotal += n; }
  void reset() override { ntotal = 0; }
  void search(idx_t, const float*, idx_t, float*, idx_t*,
              const faiss::SearchParameters*) const override {}
  faiss::DistanceComputer* get_distance_computer() const override {
    return new Products(values_, static_cast<size_t>(d));
  }

 private:
  const float* const values_;
};

class Hnsw final : public StockFaiss {
 public:
  explicit Hnsw(std::unique_ptr<faiss::IndexHNSWFlat> index)
      : index_(std::move(index)) {}

  size_t size() const override { return static_cast<size_t>(index_->ntotal); }
  size_t dimension() const override { return static_cast<size_t>(index_->d); }
  void SetBreadth(int breadth) override { index_->hnsw.efSearch = breadth; }

  void Search(const float* query, size_t k,
              std::vector<float>& scores) const override {
    omp_set_num_threads(1);  // each caller is a thread of its own
    thread_local std::vector<faiss::Index::idx_t> found;
    found.resize(k);
    scores.resize(k);
    index_->search(1, query, static_cast<faiss::Index::idx_t>(k), scores.data(),
                   found.data());
  }

  std::vector<float> ExactKth(const std::vector<float>& queries,
                              size_t k) const override {
    const size_t count = queries.size() / dimension();
    std::vector<float> scores(count * k);
    std::vector<faiss::Index::idx_t> found(count * k);
    index_->storage->search(static_cast<faiss::Index::idx_t>(count),
                            queries.data(), static_cast<faiss::Index::idx_t>(k),
                            scores.data(), found.data());
    std::vector<float> kth(count);
    for (size_t i = 0; i < count; ++i) kth[i] = scores[i * k + k - 1];
    return kth;
  }

 private:
  std::unique_ptr<faiss::IndexHNSWFlat> index_;
};

}  // namespace

std::unique_ptr<StockFaiss> StockFaiss::Read(const std::string& path) {
  if (!std::filesystem::exists(path)) return nullptr;
  try {
    std::unique_ptr<faiss::Index> read(faiss::read_index(path.c_str()));
    auto* hnsw = dynamic_cast<faiss::IndexHNSWFlat*>(read.get());
    if (hnsw == nullptr) return nullptr;
    read.release();
    return std::make_unique<Hnsw>(std::unique_ptr<faiss::IndexHNSWFlat>(hnsw));
  } catch (const std::exception&) {
    return nullptr;  // cut off, say
  }
}

std::unique_ptr<StockFaiss> StockFaiss::Build(const std::vector<float>& values,
                                              size_t dimension, int threads,
                                              const std::string& path) {
  const auto rows = static_cast<faiss::Index::idx_t>(values.size() / dimension);
  BuildStorage storage(values.data(), dimension);
  faiss::IndexHNSW builder(&storage, kLinks);
  omp_set_num_threads(threads);
  builder.add(rows, values.data());
  auto index = std::make_unique<faiss::IndexHNSWFlat>(
      static_cast<int>(dimension), kLinks, faiss::METRIC_INNER_PRODUCT);
  index->storage->add(rows, values.data());
  index->ntotal = rows;
  index->hnsw = std::move(builder.hnsw);
  const std::string temporary = path + ".tmp";
  faiss::write_index(index.get(), temporary.c_str());
  std::filesystem::rename(temporary, path);
  return std::make_unique<Hnsw>(std::move(index));
}

}  // namespace mitra::bench
