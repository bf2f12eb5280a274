// The arithmetic of search: dot products of int8 codes and of 12-bit values,
// written once per instruction set and chosen when the program starts.
//
// All variants of the int8 functions give exactly the same integers. The
// 12-bit dot products differ between variants in the last bits only, and one
// process uses one variant.

#ifndef MITRA_SERVICES_SEARCH_KERNELS_KERNELS_H_
#define MITRA_SERVICES_SEARCH_KERNELS_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mitra::search {

// Half bytes of `n` values take so many bytes: they come in blocks of 32
// values, of which a byte holds the i-th below and the (i + 16)-th above. That
// is how they are unpacked sixteen at a time.
inline constexpr size_t kLowBlock = 32;
constexpr size_t LowBytes(size_t n) {
  return (n + kLowBlock - 1) / kLowBlock * (kLowBlock / 2);
}
// The i-th of packed half bytes, −8 to 7.
constexpr int LowAt(const uint8_t* lows, size_t i) {
  const int byte = lows[i / kLowBlock * (kLowBlock / 2) + i % 16];
  const int half = i % kLowBlock < 16 ? byte & 15 : byte >> 4;
  return (half ^ 8) - 8;
}
// Puts the i-th into bytes that were zero.
constexpr void PackLow(uint8_t* lows, size_t i, int low) {
  uint8_t& byte = lows[i / kLowBlock * (kLowBlock / 2) + i % 16];
  const int half = i % kLowBlock < 16 ? low & 15 : (low & 15) << 4;
  byte = static_cast<uint8_t>(byte | half);
}

// One instruction set's functions. Pointers need no alignment and lengths may
// be anything up to 100,000.
struct Kernels {
  const char* name;

  // Σ a[i]·b[i].
  int32_t (*dot_i8)(const int8_t* a, const int8_t* b, size_t n);

  // out[j] = Σ query[i]·row[i], for `count` rows of `n` codes that begin
  // `stride` bytes apart at `rows`. With `picks`, the j-th row is picks[j];
  // without, it is j.
  void (*dot_i8_rows)(const int8_t* query, size_t n, const int8_t* rows,
                      size_t stride, const uint32_t* picks, size_t count,
                      int32_t* out);

  // out[j] = Σ query[i]·rows[j][i], for `count` rows of `n` codes. Calls for no
  // row ahead: the caller has.
  void (*dot_i8_gather)(const int8_t* query, size_t n,
                        const int8_t* const* rows, size_t count, int32_t* out);

  // out[q·count + j] = Σ queries[q][i]·row[i], for `count` rows of `n` codes
  // that begin `stride` bytes apart at `rows`: many questions to a few rows
  // that lie in the nearest cache. Each row is read once for four questions.
  void (*dot_i8_tile)(const int8_t* const* queries, size_t questions, size_t n,
                      const int8_t* rows, size_t stride, size_t count,
                      int32_t* out);

  // Writes the j for which dots[j]·scales[picks ? picks[j] : j]·factor >=
  // threshold to `at`, in order, and the products to `values`. Both have room
  // for `count`. Returns how many there are.
  size_t (*select)(const int32_t* dots, const float* scales,
                   const uint32_t* picks, size_t count, float factor,
                   float threshold, uint32_t* at, float* values);

  // Σ a[i]·(16·high[i] + low(i)), in float32: 12-bit values whose upper bytes
  // and lower half bytes lie apart. The latter are as PackLow puts them;
  // LowBytes(n) of them are read.
  float (*dot_i12)(const float* a, const int8_t* high, const uint8_t* lows,
                   size_t n);
};

// The plain reference, which every machine can run.
const Kernels& ScalarKernels();
// Null where the compiler or this machine cannot.
const Kernels* Avx2Kernels();
const Kernels* Avx512Kernels();

// "scalar", "avx2" or "avx512"; empty for the best one that this machine has.
// INVALID_ARGUMENT for another name, UNAVAILABLE if this machine cannot.
absl::StatusOr<const Kernels*> KernelsByName(absl::string_view name);

// The variant of this process: what MITRA_KERNEL names, else the best one. Ends
// the process if MITRA_KERNEL names one that cannot be had.
const Kernels& ActiveKernels();

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_KERNELS_KERNELS_H_
