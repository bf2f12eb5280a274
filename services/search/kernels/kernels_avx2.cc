#include "services/search/kernels/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define MITRA_AVX2 __attribute__((target("avx2,fma")))

namespace mitra::search {
namespace {

MITRA_AVX2 int32_t Sum(__m256i v) {
  __m128i s =
      _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
  return _mm_cvtsi128_si32(s);
}

// Widens to 16 bits: the 8-bit multiply-add would saturate.
MITRA_AVX2 inline int32_t DotI8(const int8_t* a, const int8_t* b, size_t n) {
  __m256i sum = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256i x = _mm256_cvtepi8_epi16(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i)));
    const __m256i y = _mm256_cvtepi8_epi16(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + i)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(x, y));
  }
  int32_t total = Sum(sum);
  for (; i < n; ++i) total += int32_t{a[i]} * int32_t{b[i]};
  return total;
}

MITRA_AVX2 void DotI8Rows(const int8_t* query, size_t n, const int8_t* rows,
                          size_t stride, const uint32_t* picks, size_t count,
                          int32_t* out) {
  constexpr size_t kAhead = 8;
  for (size_t j = 0; j < count; ++j) {
    if (picks != nullptr && j + kAhead < count) {
      const int8_t* next = rows + picks[j + kAhead] * stride;
      for (size_t byte = 0; byte < n; byte += 64) {
        _mm_prefetch(reinterpret_cast<const char*>(next + byte), _MM_HINT_T0);
      }
    }
    out[j] = DotI8(query, rows + (picks ? picks[j] : j) * stride, n);
  }
}

MITRA_AVX2 void DotI8Gather(const int8_t* query, size_t n,
                            const int8_t* const* rows, size_t count,
                            int32_t* out) {
  for (size_t j = 0; j < count; ++j) out[j] = DotI8(query, rows[j], n);
}

void DotI8Tile(const int8_t* const* queries, size_t questions, size_t n,
               const int8_t* rows, size_t stride, size_t count, int32_t* out) {
  for (size_t q = 0; q < questions; ++q) {
    DotI8Rows(queries[q], n, rows, stride, nullptr, count, out + q * count);
  }
}

MITRA_AVX2 size_t Select(const int32_t* dots, const float* scales,
                         const uint32_t* picks, size_t count, float factor,
                         float threshold, uint32_t* at, float* values) {
  const __m256 factors = _mm256_set1_ps(factor);
  const __m256 thresholds = _mm256_set1_ps(threshold);
  size_t selected = 0;
  size_t j = 0;
  for (; j + 8 <= count; j += 8) {
    const __m256 dot = _mm256_cvtepi32_ps(
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(dots + j)));
    const __m256 scale =
        picks == nullptr ? _mm256_loadu_ps(scales + j)
                         : _mm256_i32gather_ps(
                               scales,
                               _mm256_loadu_si256(
                                   reinterpret_cast<const __m256i*>(picks + j)),
                               4);
    const __m256 value = _mm256_mul_ps(dot, _mm256_mul_ps(scale, factors));
    unsigned hits = static_cast<unsigned>(
        _mm256_movemask_ps(_mm256_cmp_ps(value, thresholds, _CMP_GE_OQ)));
    if (hits == 0) continue;
    alignas(32) float lanes[8];
    _mm256_store_ps(lanes, value);
    for (; hits != 0; hits &= hits - 1) {
      const unsigned lane = static_cast<unsigned>(__builtin_ctz(hits));
      at[selected] = static_cast<uint32_t>(j + lane);
      values[selected++] = lanes[lane];
    }
  }
  for (; j < count; ++j) {
    const float value =
        static_cast<float>(dots[j]) * (scales[picks ? picks[j] : j] * factor);
    if (!(value >= threshold)) continue;
    at[selected] = static_cast<uint32_t>(j);
    values[selected++] = value;
  }
  return selected;
}

// Eight values of 12 bits as floats; the half bytes in `low` are between 0 and
// 15.
MITRA_AVX2 inline __m256 Join8(const int8_t* high, __m128i low) {
  const __m256i upper = _mm256_cvtepi8_epi32(
      _mm_loadl_epi64(reinterpret_cast<const __m128i*>(high)));
  const __m256i eight = _mm256_set1_epi32(8);
  const __m256i lower = _mm256_sub_epi32(
      _mm256_xor_si256(_mm256_cvtepu8_epi32(low), eight), eight);
  return _mm256_cvtepi32_ps(
      _mm256_add_epi32(_mm256_slli_epi32(upper, 4), lower));
}

MITRA_AVX2 float DotI12(const float* a, const int8_t* high, const uint8_t* lows,
                        size_t n) {
  const __m128i mask = _mm_set1_epi8(15);
  __m256 s0 = _mm256_setzero_ps();
  __m256 s1 = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + kLowBlock <= n; i += kLowBlock) {
    const __m128i packed =
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(lows + i / 2));
    const __m128i below = _mm_and_si128(packed, mask);
    const __m128i above = _mm_and_si128(_mm_srli_epi16(packed, 4), mask);
    s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), Join8(high + i, below), s0);
    s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8),
                         Join8(high + i + 8, _mm_srli_si128(below, 8)), s1);
    s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 16),
                         Join8(high + i + 16, above), s0);
    s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 24),
                         Join8(high + i + 24, _mm_srli_si128(above, 8)), s1);
  }
  s0 = _mm256_add_ps(s0, s1);
  __m128 s =
      _mm_add_ps(_mm256_castps256_ps128(s0), _mm256_extractf128_ps(s0, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  s = _mm_add_ss(s, _mm_movehdup_ps(s));
  float total = _mm_cvtss_f32(s);
  for (; i < n; ++i) {
    total += a[i] * static_cast<float>(16 * high[i] + LowAt(lows, i));
  }
  return total;
}

}  // namespace

const Kernels* Avx2Kernels() {
  static constexpr Kernels kKernels = {
      "avx2", DotI8, DotI8Rows, DotI8Gather, DotI8Tile, Select, DotI12};
  static const bool can =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return can ? &kKernels : nullptr;
}

}  // namespace mitra::search

#else

namespace mitra::search {
const Kernels* Avx2Kernels() { return nullptr; }
}  // namespace mitra::search

#endif
