// The random numbers of Python's random module, so that splits that were made
// there can be made here.

#ifndef MITRA_TESTS_QUALITY_PYTHON_RANDOM_H_
#define MITRA_TESTS_QUALITY_PYTHON_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <random>

namespace mitra::quality {

// random.Random(seed) for seeds below 2^32: init_by_array of Matsumoto and
// Nishimura's mt19937ar with a key of one word.
class PythonRandom {
 public:
  explicit PythonRandom(uint32_t seed) {
    Key key{seed};
    twister_.seed(key);
  }

  // In [0, 1), 53 bits: random.random().
  double Next() {
    const double high = twister_() >> 5, low = twister_() >> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

 private:
  // A seed sequence as std::mt19937 takes one.
  struct Key {
    using result_type = uint32_t;
    uint32_t seed;

    template <typename Iterator>
    void generate(Iterator begin, Iterator end) const {
      const auto n = static_cast<size_t>(end - begin);
      const auto mixed = [&](size_t i) {
        const uint32_t before = begin[i - 1];
        return before ^ (before >> 30);
      };
      begin[0] = 19650218u;
      for (size_t i = 1; i < n; ++i) {
        begin[i] = 1812433253u * mixed(i) + static_cast<uint32_t>(i);
      }
      size_t i = 1;
      const auto step = [&] {
        if (++i < n) return;
        begin[0] = begin[n - 1];
        i = 1;
      };
      for (size_t k = 0; k < n; ++k, step()) {
        begin[i] = (begin[i] ^ (mixed(i) * 1664525u)) + seed;
      }
      for (size_t k = 1; k < n; ++k, step()) {
        begin[i] =
            (begin[i] ^ (mixed(i) * 1566083941u)) - static_cast<uint32_t>(i);
      }
      begin[0] = 0x80000000u;
    }
  };

  std::mt19937 twister_;
};

}  // namespace mitra::quality

#endif  // MITRA_TESTS_QUALITY_PYTHON_RANDOM_H_
