// What search is measured against: the same vectors in the libraries that
// people would take otherwise.

#ifndef MITRA_TESTS_BENCH_SEARCH_PEERS_H_
#define MITRA_TESTS_BENCH_SEARCH_PEERS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mitra::bench {

// Largest inner products. Not thread-safe while it builds.
class Peer {
 public:
  virtual ~Peer() = default;
  // `values` holds n vectors of d values and outlives the peer.
  virtual void Build(const float* values, size_t n, int threads) = 0;
  // Takes the graph from `file`, or builds it there first: by the library's own
  // code, but with wider instructions for its distances, so that the graph is
  // the same kind and the building takes a quarter of the time. Not for
  // measuring builds. False if the peer has no such way.
  virtual bool BuildOnce(const float* values, size_t n, int threads,
                         const std::string& file);
  // The positions of the k best as far as a walk of this breadth finds them.
  virtual void Search(const float* query, size_t k, size_t breadth,
                      std::vector<int64_t>& found) const = 0;
};

// The `k` rows of `values` with the largest inner products, exactly, best
// first.
std::vector<uint32_t> ExactTop(const float* values, size_t n, size_t dimension,
                               const float* query, size_t k);

// FAISS's HNSW over float32 with `links` links, as the package ships it.
std::unique_ptr<Peer> FaissHnsw(size_t dimension, int links);
// hnswlib's; null where the package is absent.
std::unique_ptr<Peer> Hnswlib(size_t dimension, int links, int build_breadth);

}  // namespace mitra::bench

#endif  // MITRA_TESTS_BENCH_SEARCH_PEERS_H_
