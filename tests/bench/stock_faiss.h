// FAISS as its package ships it, over the vectors of a network: what a slate is
// measured against.

#ifndef MITRA_TESTS_BENCH_STOCK_FAISS_H_
#define MITRA_TESTS_BENCH_STOCK_FAISS_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace mitra::bench {

// HNSW with 32 links over float32, inner products, inside this process.
class StockFaiss {
 public:
  // Reads what Build() has written; null if there is nothing of use.
  static std::unique_ptr<StockFaiss> Read(const std::string& path);
  // `values` holds rows of `dimension` values; built by `threads` threads, then
  // written to `path`.
  static std::unique_ptr<StockFaiss> Build(const std::vector<float>& values,
                                           size_t dimension, int threads,
                                           const std::string& path);
  virtual ~StockFaiss() = default;

  virtual size_t size() const = 0;
  virtual size_t dimension() const = 0;
  // Beam of later searches.
  virtual void SetBreadth(int breadth) = 0;
  // The best `k` scores, best first; thread-safe.
  virtual void Search(const float* query, size_t k,
                      std::vector<float>& scores) const = 0;
  // Each query's k-th best score, exactly.
  virtual std::vector<float> ExactKth(const std::vector<float>& queries,
                                      size_t k) const = 0;
};

}  // namespace mitra::bench

#endif  // MITRA_TESTS_BENCH_STOCK_FAISS_H_
