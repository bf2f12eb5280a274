// Unit vectors of known difficulty, for benchmarks.

#ifndef MITRA_SERVICES_SEARCH_TESTING_VECTOR_SETS_H_
#define MITRA_SERVICES_SEARCH_TESTING_VECTOR_SETS_H_

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace mitra::search {

// Unit vectors near one of 1,000 centres: either through 24 latent numbers, as
// texts are, or "isolated" in all dimensions, where graphs lose whole clusters.
class VectorSet {
 public:
  VectorSet(size_t dimension, bool isolated, uint32_t seed)
      : dimension_(dimension),
        latent_(isolated ? dimension : kLatent),
        isolated_(isolated),
        random_(seed) {
    for (int i = 0; i < 1000; ++i) centres_.push_back(Noise(latent_));
    for (size_t i = 0; !isolated && i < dimension; ++i) {
      map_.push_back(Noise(latent_));
    }
  }

  std::vector<float> Next() {
    const float step = isolated_ ? 0.5F : 0.8F;
    std::vector<float> latent = centres_[random_() % centres_.size()];
    const std::vector<float> noise = Noise(latent_);
    for (size_t i = 0; i < latent_; ++i) latent[i] += step * noise[i];
    if (isolated_) return Unit(latent);
    std::vector<float> v = Noise(dimension_);
    for (size_t i = 0; i < dimension_; ++i) {
      float sum = 0;
      for (size_t j = 0; j < latent_; ++j) sum += map_[i][j] * latent[j];
      v[i] = std::tanh(3 * sum) + 0.5F * v[i];
    }
    return Unit(v);
  }

  std::mt19937& random() { return random_; }

 private:
  static constexpr size_t kLatent = 24;

  std::vector<float> Noise(size_t n) {
    std::vector<float> v(n);
    for (float& x : v) x = normal_(random_);
    return Unit(v);
  }
  static std::vector<float> Unit(std::vector<float> v) {
    double norm = 0;
    for (float x : v) norm += double{x} * double{x};
    for (float& x : v) x = static_cast<float>(x / std::sqrt(norm));
    return v;
  }

  const size_t dimension_;
  const size_t latent_;
  const bool isolated_;
  std::mt19937 random_;
  std::normal_distribution<float> normal_{0, 1};
  std::vector<std::vector<float>> centres_;
  std::vector<std::vector<float>> map_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_TESTING_VECTOR_SETS_H_
