#include "services/search/kernels/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define MITRA_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,fma")))

namespace mitra::search {
namespace {

// The machine multiplies unsigned by signed bytes. A row's codes become
// unsigned by adding 128 (flipping the top bit), which adds 128·Σquery to the
// sum; that is taken off at the end.

MITRA_AVX512 inline __mmask64 Tail(size_t n) { return (1ULL << n) - 1; }

MITRA_AVX512 inline __m512i Unsigned(__m512i codes) {
  return _mm512_xor_si512(codes, _mm512_set1_epi8(static_cast<char>(0x80)));
}

MITRA_AVX512 inline int32_t SumOf(const int8_t* query, size_t n) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sum = _mm512_setzero_si512();
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    sum = _mm512_dpbusd_epi32(sum, ones, _mm512_loadu_si512(query + i));
  }
  if (i < n) {
    sum = _mm512_dpbusd_epi32(sum, ones,
                              _mm512_maskz_loadu_epi8(Tail(n - i), query + i));
  }
  return _mm512_reduce_add_epi32(sum);
}

// Σ query·(row + 128).
MITRA_AVX512 inline int32_t BiasedDot(const int8_t* query, const int8_t* row,
                                      size_t n) {
  __m512i s0 = _mm512_setzero_si512();
  __m512i s1 = _mm512_setzero_si512();
  size_t i = 0;
  for (; i + 128 <= n; i += 128) {
    s0 = _mm512_dpbusd_epi32(s0, Unsigned(_mm512_loadu_si512(row + i)),
                             _mm512_loadu_si512(query + i));
    s1 = _mm512_dpbusd_epi32(s1, Unsigned(_mm512_loadu_si512(row + i + 64)),
                             _mm512_loadu_si512(query + i + 64));
  }
  for (; i < n; i += 64) {
    const __mmask64 mask = n - i >= 64 ? ~0ULL : Tail(n - i);
    s0 = _mm512_dpbusd_epi32(s0,
                             Unsigned(_mm512_maskz_loadu_epi8(mask, row + i)),
                             _mm512_maskz_loadu_epi8(mask, query + i));
  }
  return _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1));
}

MITRA_AVX512 int32_t DotI8(const int8_t* a, const int8_t* b, size_t n) {
  return BiasedDot(a, b, n) - 128 * SumOf(a, n);
}

// The biased sums of four rows at once: each piece of the query is loaded once
// for all of them, and their sums are added up together.
MITRA_AVX512 inline __m128i FourBiasedDots(const int8_t* query,
                                           const int8_t* const rows[4],
                                           size_t n) {
  __m512i s0 = _mm512_setzero_si512();
  __m512i s1 = s0;
  __m512i s2 = s0;
  __m512i s3 = s0;
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    const __m512i q = _mm512_loadu_si512(query + i);
    s0 = _mm512_dpbusd_epi32(s0, Unsigned(_mm512_loadu_si512(rows[0] + i)), q);
    s1 = _mm512_dpbusd_epi32(s1, Unsigned(_mm512_loadu_si512(rows[1] + i)), q);
    s2 = _mm512_dpbusd_epi32(s2, Unsigned(_mm512_loadu_si512(rows[2] + i)), q);
    s3 = _mm512_dpbusd_epi32(s3, Unsigned(_mm512_loadu_si512(rows[3] + i)), q);
  }
  if (i < n) {
    const __mmask64 mask = Tail(n - i);
    const __m512i q = _mm512_maskz_loadu_epi8(mask, query + i);
    const auto row = [&](int r) MITRA_AVX512 {
      return Unsigned(_mm512_maskz_loadu_epi8(mask, rows[r] + i));
    };
    s0 = _mm512_dpbusd_epi32(s0, row(0), q);
    s1 = _mm512_dpbusd_epi32(s1, row(1), q);
    s2 = _mm512_dpbusd_epi32(s2, row(2), q);
    s3 = _mm512_dpbusd_epi32(s3, row(3), q);
  }
  const auto quarter = [](__m512i s) MITRA_AVX512 {
    const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(s),
                                          _mm512_extracti64x4_epi64(s, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(half),
                         _mm256_extracti128_si256(half, 1));
  };
  return _mm_hadd_epi32(_mm_hadd_epi32(quarter(s0), quarter(s1)),
                        _mm_hadd_epi32(quarter(s2), quarter(s3)));
}

MITRA_AVX512 void DotI8Rows(const int8_t* query, size_t n, const int8_t* rows,
                            size_t stride, const uint32_t* picks, size_t count,
                            int32_t* out) {
  // Far enough ahead for memory to answer, near enough to stay in the cache.
  constexpr size_t kAhead = 16;
  const int32_t bias = 128 * SumOf(query, n);
  const __m128i biases = _mm_set1_epi32(bias);
  const auto row = [&](size_t j) {
    return rows + (picks == nullptr ? j : picks[j]) * stride;
  };
  size_t j = 0;
  for (; j + 4 <= count; j += 4) {
    for (size_t ahead = j + kAhead; ahead < j + kAhead + 4; ++ahead) {
      if (ahead >= count) break;
      const int8_t* next = row(ahead);
      for (size_t byte = 0; byte < n; byte += 64) {
        _mm_prefetch(reinterpret_cast<const char*>(next + byte), _MM_HINT_T0);
      }
    }
    const int8_t* const four[4] = {row(j), row(j + 1), row(j + 2), row(j + 3)};
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + j),
                     _mm_sub_epi32(FourBiasedDots(query, four, n), biases));
  }
  for (; j < count; ++j) out[j] = BiasedDot(query, row(j), n) - bias;
}

// Four sums at a time: lane l of the result has a part of each of them.
MITRA_AVX512 inline __m512i AddUp(__m512i s0, __m512i s1, __m512i s2,
                                  __m512i s3) {
  const __m512i low = _mm512_add_epi32(_mm512_unpacklo_epi32(s0, s1),
                                       _mm512_unpackhi_epi32(s0, s1));
  const __m512i high = _mm512_add_epi32(_mm512_unpacklo_epi32(s2, s3),
                                        _mm512_unpackhi_epi32(s2, s3));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(low, high),
                          _mm512_unpackhi_epi64(low, high));
}

// The biased sums of eight rows of 64·kPieces codes.
template <size_t kPieces>
__attribute__((always_inline)) MITRA_AVX512 inline __m256i EightBiasedDots(
    const __m512i* query, const int8_t* const* rows) {
  __m512i s[8];
  for (size_t r = 0; r < 8; ++r) {
    s[r] = _mm512_setzero_si512();
    for (size_t i = 0; i < kPieces; ++i) {
      s[r] = _mm512_dpbusd_epi32(
          s[r], Unsigned(_mm512_loadu_si512(rows[r] + 64 * i)), query[i]);
    }
  }
  const __m512i a = AddUp(s[0], s[1], s[2], s[3]);
  const __m512i b = AddUp(s[4], s[5], s[6], s[7]);
  const __m512i halves = _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x44),
                                          _mm512_shuffle_i32x4(a, b, 0xEE));
  const __m512i sorted = _mm512_shuffle_i32x4(halves, halves, 0xD8);
  return _mm256_add_epi32(_mm512_castsi512_si256(sorted),
                          _mm512_extracti64x4_epi64(sorted, 1));
}

// DotI8Gather for rows of whole pieces, few of them: the query stays in
// registers.
template <size_t kPieces>
MITRA_AVX512 void GatherPieces(const int8_t* query, const int8_t* const* rows,
                               size_t count, int32_t* out) {
  __m512i pieces[kPieces];
  for (size_t i = 0; i < kPieces; ++i) {
    pieces[i] = _mm512_loadu_si512(query + 64 * i);
  }
  const __m256i bias = _mm256_set1_epi32(128 * SumOf(query, 64 * kPieces));
  size_t j = 0;
  for (; j + 8 <= count; j += 8) {
    _mm256_storeu_si256(
        reinterpret_cast<__m256i*>(out + j),
        _mm256_sub_epi32(EightBiasedDots<kPieces>(pieces, rows + j), bias));
  }
  if (j == count) return;
  const int8_t* last[8];
  for (size_t r = 0; r < 8; ++r) last[r] = rows[j + r < count ? j + r : j];
  const __m256i dots =
      _mm256_sub_epi32(EightBiasedDots<kPieces>(pieces, last), bias);
  _mm256_mask_storeu_epi32(
      out + j, static_cast<__mmask8>((1U << (count - j)) - 1), dots);
}

MITRA_AVX512 void DotI8Gather(const int8_t* query, size_t n,
                              const int8_t* const* rows, size_t count,
                              int32_t* out) {
  switch (n) {
    case 64:
      return GatherPieces<1>(query, rows, count, out);
    case 128:
      return GatherPieces<2>(query, rows, count, out);
    case 256:
      return GatherPieces<4>(query, rows, count, out);
    default:
      break;
  }
  const int32_t bias = 128 * SumOf(query, n);
  const __m128i biases = _mm_set1_epi32(bias);
  size_t j = 0;
  for (; j + 4 <= count; j += 4) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + j),
                     _mm_sub_epi32(FourBiasedDots(query, rows + j, n), biases));
  }
  for (; j < count; ++j) out[j] = BiasedDot(query, rows[j], n) - bias;
}

// The sums of one question with four rows.
struct FourSums {
  __m512i s0, s1, s2, s3;
};
__attribute__((always_inline)) MITRA_AVX512 inline FourSums NoSums() {
  const __m512i zero = _mm512_setzero_si512();
  return {zero, zero, zero, zero};
}

// A piece of four rows.
struct FourRows {
  __m512i r0, r1, r2, r3;
};

__attribute__((always_inline)) MITRA_AVX512 inline void AddPiece(
    __m512i query, const FourRows& rows, FourSums& sums) {
  sums.s0 = _mm512_dpbusd_epi32(sums.s0, rows.r0, query);
  sums.s1 = _mm512_dpbusd_epi32(sums.s1, rows.r1, query);
  sums.s2 = _mm512_dpbusd_epi32(sums.s2, rows.r2, query);
  sums.s3 = _mm512_dpbusd_epi32(sums.s3, rows.r3, query);
}

__attribute__((always_inline)) MITRA_AVX512 inline FourRows LoadPiece(
    const int8_t* rows, size_t stride, __mmask64 mask) {
  return {Unsigned(_mm512_maskz_loadu_epi8(mask, rows)),
          Unsigned(_mm512_maskz_loadu_epi8(mask, rows + stride)),
          Unsigned(_mm512_maskz_loadu_epi8(mask, rows + 2 * stride)),
          Unsigned(_mm512_maskz_loadu_epi8(mask, rows + 3 * stride))};
}

// The biased sums of four rows with each of four questions: lane q has those of
// question q. All sums stay in registers; loops over them would not.
MITRA_AVX512 inline __m512i SixteenBiasedDots(const int8_t* const queries[4],
                                              const int8_t* rows, size_t stride,
                                              size_t n) {
  FourSums a = NoSums(), b = a, c = a, d = a;
  const int8_t* const q0 = queries[0];
  const int8_t* const q1 = queries[1];
  const int8_t* const q2 = queries[2];
  const int8_t* const q3 = queries[3];
  for (size_t i = 0; i < n; i += 64) {
    const __mmask64 mask = n - i >= 64 ? ~0ULL : Tail(n - i);
    const FourRows piece = LoadPiece(rows + i, stride, mask);
    AddPiece(_mm512_maskz_loadu_epi8(mask, q0 + i), piece, a);
    AddPiece(_mm512_maskz_loadu_epi8(mask, q1 + i), piece, b);
    AddPiece(_mm512_maskz_loadu_epi8(mask, q2 + i), piece, c);
    AddPiece(_mm512_maskz_loadu_epi8(mask, q3 + i), piece, d);
  }
  const __m512i of0 = AddUp(a.s0, a.s1, a.s2, a.s3);
  const __m512i of1 = AddUp(b.s0, b.s1, b.s2, b.s3);
  const __m512i of2 = AddUp(c.s0, c.s1, c.s2, c.s3);
  const __m512i of3 = AddUp(d.s0, d.s1, d.s2, d.s3);
  const __m512i first = _mm512_add_epi32(_mm512_shuffle_i32x4(of0, of1, 0x44),
                                         _mm512_shuffle_i32x4(of0, of1, 0xEE));
  const __m512i second = _mm512_add_epi32(_mm512_shuffle_i32x4(of2, of3, 0x44),
                                          _mm512_shuffle_i32x4(of2, of3, 0xEE));
  return _mm512_add_epi32(_mm512_shuffle_i32x4(first, second, 0x88),
                          _mm512_shuffle_i32x4(first, second, 0xDD));
}

// Sixteen questions at once: lane l has question l, so that no sums are added
// up across lanes at the end, which takes a third of the time of the way above.
constexpr size_t kLanes = 16;
// From so many on empty lanes are cheaper than the way above.
constexpr size_t kFewLanes = 10;
// Pieces of four codes that fit beside a tile into the nearest cache.
constexpr size_t kMostPieces = 128;

// Turns 16 rows of 16 numbers into 16 columns.
MITRA_AVX512 inline void Turn(__m512i m[kLanes]) {
  __m512i t[kLanes];
  for (size_t i = 0; i < kLanes; i += 2) {
    t[i] = _mm512_unpacklo_epi32(m[i], m[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(m[i], m[i + 1]);
  }
  for (size_t i = 0; i < kLanes; i += 4) {
    m[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    m[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    m[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    m[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  // m[4a + b], lane group g: rows 4a to 4a + 3 of column 4g + b.
  for (size_t b = 0; b < 4; ++b) {
    const __m512i low01 = _mm512_shuffle_i32x4(m[b], m[4 + b], 0x88);
    const __m512i high01 = _mm512_shuffle_i32x4(m[b], m[4 + b], 0xDD);
    const __m512i low23 = _mm512_shuffle_i32x4(m[8 + b], m[12 + b], 0x88);
    const __m512i high23 = _mm512_shuffle_i32x4(m[8 + b], m[12 + b], 0xDD);
    t[b] = _mm512_shuffle_i32x4(low01, low23, 0x88);
    t[4 + b] = _mm512_shuffle_i32x4(high01, high23, 0x88);
    t[8 + b] = _mm512_shuffle_i32x4(low01, low23, 0xDD);
    t[12 + b] = _mm512_shuffle_i32x4(high01, high23, 0xDD);
  }
  for (size_t i = 0; i < kLanes; ++i) m[i] = t[i];
}

// Sixteen questions, piece by piece, their codes unsigned; n is a multiple
// of 4.
MITRA_AVX512 inline void TurnQuestions(const int8_t* const* queries, size_t n,
                                       __m512i* pieces) {
  for (size_t i = 0; i < n; i += 64) {
    const __mmask64 mask = n - i >= 64 ? ~0ULL : Tail(n - i);
    __m512i block[kLanes];
    for (size_t q = 0; q < kLanes; ++q) {
      block[q] = Unsigned(_mm512_maskz_loadu_epi8(mask, queries[q] + i));
    }
    Turn(block);
    for (size_t p = 0; p < kLanes && i + 4 * p < n; ++p) {
      pieces[i / 4 + p] = block[p];
    }
  }
}

__attribute__((always_inline)) MITRA_AVX512 inline __m512i Spread(
    const int8_t* four) {
  int32_t bits;
  __builtin_memcpy(&bits, four, sizeof bits);
  return _mm512_set1_epi32(bits);
}

// The sums of eight rows with sixteen questions, a row of sums for each.
MITRA_AVX512 inline void EightRows(const __m512i* pieces, size_t n,
                                   const int8_t* rows, size_t stride,
                                   __m512i* sums) {
  __m512i s0 = _mm512_setzero_si512();
  __m512i s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (size_t i = 0; i < n; i += 4) {
    const __m512i piece = pieces[i / 4];
    const int8_t* const at = rows + i;
    s0 = _mm512_dpbusd_epi32(s0, piece, Spread(at));
    s1 = _mm512_dpbusd_epi32(s1, piece, Spread(at + stride));
    s2 = _mm512_dpbusd_epi32(s2, piece, Spread(at + 2 * stride));
    s3 = _mm512_dpbusd_epi32(s3, piece, Spread(at + 3 * stride));
    s4 = _mm512_dpbusd_epi32(s4, piece, Spread(at + 4 * stride));
    s5 = _mm512_dpbusd_epi32(s5, piece, Spread(at + 5 * stride));
    s6 = _mm512_dpbusd_epi32(s6, piece, Spread(at + 6 * stride));
    s7 = _mm512_dpbusd_epi32(s7, piece, Spread(at + 7 * stride));
  }
  // Here the questions were made unsigned, so it is the rows' sums that count.
  const __m512i all[] = {s0, s1, s2, s3, s4, s5, s6, s7};
  for (size_t r = 0; r < 8; ++r) {
    sums[r] = _mm512_sub_epi32(
        all[r], _mm512_set1_epi32(128 * SumOf(rows + r * stride, n)));
  }
}

// Sixteen questions to the first multiple of sixteen rows; returns how many.
// Fewer questions, at least one, leave lanes that nobody reads.
MITRA_AVX512 size_t DotSixteen(const int8_t* const* queries, size_t questions,
                               size_t n, const int8_t* rows, size_t stride,
                               size_t count, int32_t* out) {
  const int8_t* of_lane[kLanes];
  for (size_t q = 0; q < kLanes; ++q) {
    of_lane[q] = queries[q < questions ? q : questions - 1];
  }
  __m512i pieces[kMostPieces];
  TurnQuestions(of_lane, n, pieces);
  size_t j = 0;
  for (; j + kLanes <= count; j += kLanes) {
    __m512i sums[kLanes];
    EightRows(pieces, n, rows + j * stride, stride, sums);
    EightRows(pieces, n, rows + (j + 8) * stride, stride, sums + 8);
    Turn(sums);
    for (size_t q = 0; q < questions; ++q) {
      _mm512_storeu_si512(out + q * count + j, sums[q]);
    }
  }
  return j;
}

MITRA_AVX512 void DotI8Tile(const int8_t* const* queries, size_t questions,
                            size_t n, const int8_t* rows, size_t stride,
                            size_t count, int32_t* out) {
  size_t q = 0;
  const bool turns = n % 4 == 0 && n <= 4 * kMostPieces && count >= kLanes;
  while (turns && q + kFewLanes <= questions) {
    const size_t some = questions - q < kLanes ? questions - q : kLanes;
    const size_t done =
        DotSixteen(queries + q, some, n, rows, stride, count, out + q * count);
    for (const size_t end = q + some; q < end; ++q) {
      for (size_t j = done; j < count; ++j) {
        out[q * count + j] = DotI8(queries[q], rows + j * stride, n);
      }
    }
  }
  for (; q + 4 <= questions; q += 4) {
    int32_t* const to = out + q * count;
    __m512i bias = _mm512_setzero_si512();
    bias =
        _mm512_inserti32x4(bias, _mm_set1_epi32(128 * SumOf(queries[q], n)), 0);
    bias = _mm512_inserti32x4(
        bias, _mm_set1_epi32(128 * SumOf(queries[q + 1], n)), 1);
    bias = _mm512_inserti32x4(
        bias, _mm_set1_epi32(128 * SumOf(queries[q + 2], n)), 2);
    bias = _mm512_inserti32x4(
        bias, _mm_set1_epi32(128 * SumOf(queries[q + 3], n)), 3);
    const auto put = [](int32_t* place, __m128i four) MITRA_AVX512 {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(place), four);
    };
    size_t j = 0;
    for (; j + 4 <= count; j += 4) {
      const __m512i dots = _mm512_sub_epi32(
          SixteenBiasedDots(queries + q, rows + j * stride, stride, n), bias);
      put(to + j, _mm512_extracti32x4_epi32(dots, 0));
      put(to + count + j, _mm512_extracti32x4_epi32(dots, 1));
      put(to + 2 * count + j, _mm512_extracti32x4_epi32(dots, 2));
      put(to + 3 * count + j, _mm512_extracti32x4_epi32(dots, 3));
    }
    for (; j < count; ++j) {
      for (size_t one = 0; one < 4; ++one) {
        to[one * count + j] = DotI8(queries[q + one], rows + j * stride, n);
      }
    }
  }
  for (; q < questions; ++q) {
    DotI8Rows(queries[q], n, rows, stride, nullptr, count, out + q * count);
  }
}

MITRA_AVX512 size_t Select(const int32_t* dots, const float* scales,
                           const uint32_t* picks, size_t count, float factor,
                           float threshold, uint32_t* at, float* values) {
  const __m512 factors = _mm512_set1_ps(factor);
  const __m512 thresholds = _mm512_set1_ps(threshold);
  const __m512i lanes =
      _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  size_t selected = 0;
  for (size_t j = 0; j < count; j += 16) {
    const __mmask16 mask = count - j >= 16
                               ? static_cast<__mmask16>(0xffff)
                               : static_cast<__mmask16>(Tail(count - j));
    const __m512 dot =
        _mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(mask, dots + j));
    const __m512 scale =
        picks == nullptr
            ? _mm512_maskz_loadu_ps(mask, scales + j)
            : _mm512_mask_i32gather_ps(
                  _mm512_setzero_ps(), mask,
                  _mm512_maskz_loadu_epi32(mask, picks + j), scales, 4);
    const __m512 value = _mm512_mul_ps(dot, _mm512_mul_ps(scale, factors));
    const __mmask16 hits =
        _mm512_mask_cmp_ps_mask(mask, value, thresholds, _CMP_GE_OQ);
    if (hits == 0) continue;
    // `at` and `values` are filled through registers, so that no lane is
    // written beyond the room for `count`.
    const int found = __builtin_popcount(hits);
    const __mmask16 fill = static_cast<__mmask16>((1U << found) - 1);
    _mm512_mask_storeu_epi32(
        at + selected, fill,
        _mm512_maskz_compress_epi32(
            hits,
            _mm512_add_epi32(lanes, _mm512_set1_epi32(static_cast<int>(j)))));
    _mm512_mask_storeu_ps(values + selected, fill,
                          _mm512_maskz_compress_ps(hits, value));
    selected += static_cast<size_t>(found);
  }
  return selected;
}

// Sixteen values of 12 bits as floats; the half bytes in `low` are between 0
// and 15.
MITRA_AVX512 inline __m512 Joined(__m128i high, __m128i low) {
  const __m512i eight = _mm512_set1_epi32(8);
  const __m512i lower = _mm512_sub_epi32(
      _mm512_xor_si512(_mm512_cvtepu8_epi32(low), eight), eight);
  return _mm512_cvtepi32_ps(_mm512_add_epi32(
      _mm512_slli_epi32(_mm512_cvtepi8_epi32(high), 4), lower));
}

MITRA_AVX512 float DotI12(const float* a, const int8_t* high,
                          const uint8_t* lows, size_t n) {
  const __m128i mask = _mm_set1_epi8(15);
  __m512 s0 = _mm512_setzero_ps();
  __m512 s1 = _mm512_setzero_ps();
  for (size_t i = 0; i < n; i += kLowBlock) {
    const __m128i packed =
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(lows + i / 2));
    const __m128i below = _mm_and_si128(packed, mask);
    const __m128i above = _mm_and_si128(_mm_srli_epi16(packed, 4), mask);
    // What is beyond the end counts nothing, whatever its half bytes say.
    const size_t left = n - i;
    const auto first = static_cast<__mmask16>(left >= 16 ? 0xffff : Tail(left));
    const auto second = static_cast<__mmask16>(
        left >= kLowBlock ? 0xffff : (left > 16 ? Tail(left - 16) : 0));
    s0 = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(first, a + i),
                         Joined(_mm_maskz_loadu_epi8(first, high + i), below),
                         s0);
    s1 = _mm512_fmadd_ps(
        _mm512_maskz_loadu_ps(second, a + i + 16),
        Joined(_mm_maskz_loadu_epi8(second, high + i + 16), above), s1);
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(s0, s1));
}

}  // namespace

const Kernels* Avx512Kernels() {
  static constexpr Kernels kKernels = {
      "avx512", DotI8, DotI8Rows, DotI8Gather, DotI8Tile, Select, DotI12};
  static const bool can = __builtin_cpu_supports("avx512f") &&
                          __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512vnni");
  return can ? &kKernels : nullptr;
}

}  // namespace mitra::search

#else

namespace mitra::search {
const Kernels* Avx512Kernels() { return nullptr; }
}  // namespace mitra::search

#endif
