#include "tests/bench/search_peers.h"

#include <faiss/IndexHNSW.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if __has_include(<hnswlib/hnswlib.h>)
#include <hnswlib/hnswlib.h>
#define MITRA_HAS_HNSWLIB 1
#endif

namespace mitra::bench {
namespace {

// Inner products by the widest instructions at hand.
#if defined(__x86_64__)
__attribute__((target("avx512f"))) float WideDot(const float* a, const float* b,
                                                 size_t n) {
  __m512 s0 = _mm512_setzero_ps();
  __m512 s1 = _mm512_setzero_ps();
  for (size_t i = 0; i < n; i += 32) {
    s0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), s0);
    s1 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 16),
                         _mm512_loadu_ps(b + i + 16), s1);
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(s0, s1));
}
#endif

float PlainDot(const float* a, const float* b, size_t n) {
  float sum = 0;
  for (size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

using Dot = float (*)(const float*, const float*, size_t);

Dot BestDot(size_t n) {
#if defined(__x86_64__)
  if (n % 32 == 0 && __builtin_cpu_supports("avx512f")) return WideDot;
#endif
  return PlainDot;
}

// Vectors for a build only: distances are negative inner products.
class WideStorage : public faiss::Index {
 public:
  WideStorage(size_t width, const float* values)
      : Index(static_cast<int64_t>(width), faiss::METRIC_L2), values_(values) {}
  void add(idx_t n, const float*) override { ntotal += n; }
  void reset() override { ntotal = 0; }
  void search(idx_t, const float*, idx_t, float*, idx_t*,
              const faiss::SearchParameters*) const override {}
  faiss::DistanceComputer* get_distance_computer() const override {
    return new Computer(static_cast<size_t>(d), values_);
  }

 private:
  class Computer : public faiss::DistanceComputer {
   public:
    Computer(size_t width, const float* values)
        : d_(width), values_(values), dot_(BestDot(width)) {}
    void set_query(const float* x) override { query_ = x; }
    float operator()(idx_t i) override {
      return -dot_(query_, values_ + static_cast<size_t>(i) * d_, d_);
    }
    float symmetric_dis(idx_t i, idx_t j) override {
      return -dot_(values_ + static_cast<size_t>(i) * d_,
                   values_ + static_cast<size_t>(j) * d_, d_);
    }

   private:
    const size_t d_;
    const float* values_;
    const Dot dot_;
    const float* query_ = nullptr;
  };
  const float* values_;
};

template <typename T>
void PutArray(std::ostream& out, const std::vector<T>& values) {
  const uint64_t size = values.size();
  out.write(reinterpret_cast<const char*>(&size), sizeof(size));
  out.write(reinterpret_cast<const char*>(values.data()),
            static_cast<std::streamsize>(size * sizeof(T)));
}

template <typename T>
void TakeArray(std::istream& in, std::vector<T>& values) {
  uint64_t size = 0;
  in.read(reinterpret_cast<char*>(&size), sizeof(size));
  if (!in || size > (uint64_t{1} << 34)) {
    in.setstate(std::ios::failbit);
    return;
  }
  values.resize(size);
  in.read(reinterpret_cast<char*>(values.data()),
          static_cast<std::streamsize>(size * sizeof(T)));
}

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
  bool BuildOnce(const float* values, size_t n, int threads,
                 const std::string& file) override {
    const auto count = static_cast<int64_t>(n);
    if (!Read(file, n)) {
      WideStorage storage(static_cast<size_t>(index_.d), values);
      faiss::IndexHNSW builder(&storage, index_.hnsw.nb_neighbors(1));
      omp_set_num_threads(threads);
      builder.add(count, values);
      omp_set_num_threads(1);
      std::swap(index_.hnsw, builder.hnsw);
      Write(file);
    }
    index_.storage->add(count, values);
    index_.ntotal = count;
    return true;
  }
  void Search(const float* query, size_t k, size_t breadth,
              std::vector<int64_t>& found) const override {
    // The candidates' heap takes its size from the index, the walk its end from
    // the parameters; both are meant.
    auto& index = const_cast<faiss::IndexHNSWFlat&>(index_);
    // A team for one question would only be in the way. Kept by thread.
    thread_local const bool alone = (omp_set_num_threads(1), true);
    static_cast<void>(alone);
    if (index.hnsw.efSearch != static_cast<int>(breadth)) {
      index.hnsw.efSearch = static_cast<int>(breadth);
    }
    std::vector<float> scores(k);
    found.resize(k);
    index_.search(1, query, static_cast<int64_t>(k), scores.data(),
                  found.data());
  }

 private:
  bool Read(const std::string& file, size_t n) {
    std::ifstream in(file, std::ios::binary);
    faiss::HNSW& hnsw = index_.hnsw;
    std::vector<int> shape;
    TakeArray(in, shape);
    TakeArray(in, hnsw.levels);
    TakeArray(in, hnsw.offsets);
    TakeArray(in, hnsw.neighbors);
    if (!in || shape.size() != 2 || hnsw.levels.size() != n) {
      hnsw.reset();
      return false;
    }
    hnsw.entry_point = shape[0];
    hnsw.max_level = shape[1];
    return true;
  }
  void Write(const std::string& file) const {
    const faiss::HNSW& hnsw = index_.hnsw;
    std::ofstream out(file + ".new", std::ios::binary);
    PutArray(out, std::vector<int>{static_cast<int>(hnsw.entry_point),
                                   hnsw.max_level});
    PutArray(out, hnsw.levels);
    PutArray(out, hnsw.offsets);
    PutArray(out, hnsw.neighbors);
    out.close();
    std::filesystem::rename(file + ".new", file);
  }

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
  bool BuildOnce(const float* values, size_t n, int threads,
                 const std::string& file) override {
    if (std::filesystem::exists(file)) {
      index_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(&space_, file,
                                                                 false, n);
      if (index_->cur_element_count == n) return true;
    }
    Build(values, n, threads);
    index_->saveIndex(file + ".new");
    std::filesystem::rename(file + ".new", file);
    return true;
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

bool Peer::BuildOnce(const float*, size_t, int, const std::string&) {
  return false;
}

std::vector<uint32_t> ExactTop(const float* values, size_t n, size_t dimension,
                               const float* query, size_t k) {
  const Dot dot = BestDot(dimension);
  std::vector<std::pair<float, uint32_t>> all(n);
  for (size_t i = 0; i < n; ++i) {
    all[i] = {-dot(query, values + i * dimension, dimension),
              static_cast<uint32_t>(i)};
  }
  k = std::min(k, n);
  std::partial_sort(all.begin(), all.begin() + static_cast<ptrdiff_t>(k),
                    all.end());
  std::vector<uint32_t> best;
  for (size_t i = 0; i < k; ++i) best.push_back(all[i].second);
  return best;
}

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
