#include "tests/bench/search_peers.h"

#include <faiss/IndexHNSW.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <thread>

#if __has_include(<hnswlib/hnswlib.h>)
#include <hnswlib/hnswlib.h>
#define MITRA_HAS_HNSWLIB 1
#endif

namespace mitra::bench {
namespace {

class FaissPeer : public Peer {
 public:
  FaissPeer(size_t dimension, int links)
      : index_(static_cast<int>(dimension), links,
               faiss::METRIC_INNER_PRODUCT) {}

  void Build(const float* values, size_t n, int threads) override {
    omp_set_num_threads(threads);
    index_.add(static_cast<int64_t>(n), values);
    omp_set_num_threads(1);
  }
  void Search(const float* query, size_t k, size_t breadth,
              std::vector<int64_t>& found) const override {
    // The candidates' heap takes its size from the index, the walk its end from
    // the parameters; both are meant.
    auto& index = const_cast<faiss::IndexHNSWFlat&>(index_);
    if (index.hnsw.efSearch != static_cast<int>(breadth)) {
      index.hnsw.efSearch = static_cast<int>(breadth);
    }
    std::vector<float> scores(k);
    found.resize(k);
    index_.search(1, query, static_cast<int64_t>(k), scores.data(),
                  found.data());
  }

 private:
  faiss::IndexHNSWFlat index_;
};

#ifdef MITRA_HAS_HNSWLIB
class HnswlibPeer : public Peer {
 public:
  HnswlibPeer(size_t dimension, int links, int build_breadth)
      : dimension_(dimension),
        links_(links),
        build_breadth_(build_breadth),
        space_(dimension) {}

  void Build(const float* values, size_t n, int threads) override {
    index_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(
        &space_, n, static_cast<size_t>(links_),
        static_cast<size_t>(build_breadth_));
    std::atomic<size_t> next{0};
    std::vector<std::thread> workers;
    workers.reserve(static_cast<size_t>(threads));
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&] {
        for (size_t i = next++; i < n; i = next++) {
          index_->addPoint(values + i * dimension_, i);
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
  }
  void Search(const float* query, size_t k, size_t breadth,
              std::vector<int64_t>& found) const override {
    if (index_->ef_ != breadth) index_->setEf(breadth);
    auto nearest = index_->searchKnn(query, k);
    found.clear();
    for (; !nearest.empty(); nearest.pop()) {
      found.push_back(static_cast<int64_t>(nearest.top().second));
    }
  }

 private:
  size_t dimension_;
  int links_;
  int build_breadth_;
  hnswlib::InnerProductSpace space_;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> index_;
};
#endif

}  // namespace

std::unique_ptr<Peer> FaissHnsw(size_t dimension, int links) {
  return std::make_unique<FaissPeer>(dimension, links);
}

std::unique_ptr<Peer> Hnswlib(size_t dimension, int links, int build_breadth) {
#ifdef MITRA_HAS_HNSWLIB
  return std::make_unique<HnswlibPeer>(dimension, links, build_breadth);
#else
  return nullptr;
#endif
}

}  // namespace mitra::bench
