#include "tests/bench/stock_faiss.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/index_io.h>
#include <omp.h>

#include <exception>
#include <filesystem>
#include <limits>

namespace mitra::bench {
namespace {

constexpr int kLinks = 32;

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
  auto index = std::make_unique<faiss::IndexHNSWFlat>(
      static_cast<int>(dimension), kLinks, faiss::METRIC_INNER_PRODUCT);
  omp_set_num_threads(threads);
  index->add(static_cast<faiss::Index::idx_t>(values.size() / dimension),
             values.data());
  const std::string temporary = path + ".tmp";
  faiss::write_index(index.get(), temporary.c_str());
  std::filesystem::rename(temporary, path);
  return std::make_unique<Hnsw>(std::move(index));
}

}  // namespace mitra::bench
