// The arithmetic of search: dot products of int8 codes and of 16-bit values,
// written once per instruction set and chosen when the program starts.
//
// All variants of the int8 functions give exactly the same integers. The
// 16-bit dot products differ between variants in the last bits only, and one
// process uses one variant.

#ifndef MITRA_SERVICES_SEARCH_KERNELS_KERNELS_H_
#define MITRA_SERVICES_SEARCH_KERNELS_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mitra::search {

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

  // Writes the j for which dots[j]·scales[picks ? picks[j] : j]·factor >=
  // threshold to `at`, in order, and the products to `values`. Both have room
  // for `count`. Returns how many there are.
  size_t (*select)(const int32_t* dots, const float* scales,
                   const uint32_t* picks, size_t count, float factor,
                   float threshold, uint32_t* at, float* values);

  // Σ a[i]·(256·high[i] + low[i]), in float32: 16-bit values whose upper and
  // lower bytes lie apart.
  float (*dot_i16)(const float* a, const int8_t* high, const int8_t* low,
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
