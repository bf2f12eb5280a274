// A small fast generator (xoshiro256**, Blackman and Vigna 2018, seeded by
// SplitMix64): the same seed gives the same sequence on every machine. Not for
// secrets. Not thread-safe.

#ifndef MITRA_COMMON_BASE_RANDOM_H_
#define MITRA_COMMON_BASE_RANDOM_H_

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace mitra {

class Random {
  __extension__ using Wide = unsigned __int128;

 public:
  using result_type = uint64_t;

  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15u;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      word = z ^ (z >> 31);
    }
  }

  uint64_t Next64() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // In [0, n); 0 for n = 0.
  uint64_t Below(uint64_t n) {
    return static_cast<uint64_t>((static_cast<Wide>(Next64()) * n) >> 64);
  }
  // In [low, high].
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(Below(high - low + 1));
  }
  // In [0, 1).
  double Double() { return static_cast<double>(Next64() >> 11) * 0x1.0p-53; }
  bool Chance(double p) { return Double() < p; }
  // Standard normal (Box–Muller).
  double Normal() {
    const double u = 1 - Double();
    return std::sqrt(-2 * std::log(u)) * std::cos(2 * M_PI * Double());
  }

  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return ~uint64_t{0}; }
  uint64_t operator()() { return Next64(); }

 private:
  std::array<uint64_t, 4> state_;
};

// A seed from the system, for sequences that need not be repeated.
uint64_t RandomSeed();

}  // namespace mitra

#endif  // MITRA_COMMON_BASE_RANDOM_H_
