#include "services/search/kernels/kernels.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace mitra::search {
namespace {

int32_t DotI8(const int8_t* a, const int8_t* b, size_t n) {
  int32_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += int32_t{a[i]} * int32_t{b[i]};
  return sum;
}

void DotI8Rows(const int8_t* query, size_t n, const int8_t* rows, size_t stride,
               const uint32_t* picks, size_t count, int32_t* out) {
  for (size_t j = 0; j < count; ++j) {
    out[j] = DotI8(query, rows + (picks ? picks[j] : j) * stride, n);
  }
}

void DotI8Gather(const int8_t* query, size_t n, const int8_t* const* rows,
                 size_t count, int32_t* out) {
  for (size_t j = 0; j < count; ++j) out[j] = DotI8(query, rows[j], n);
}

void DotI8Tile(const int8_t* const* queries, size_t questions, size_t n,
               const int8_t* rows, size_t stride, size_t count, int32_t* out) {
  for (size_t q = 0; q < questions; ++q) {
    DotI8Rows(queries[q], n, rows, stride, nullptr, count, out + q * count);
  }
}

size_t Select(const int32_t* dots, const float* scales, const uint32_t* picks,
              size_t count, float factor, float threshold, uint32_t* at,
              float* values) {
  size_t selected = 0;
  for (size_t j = 0; j < count; ++j) {
    const float scale = scales[picks ? picks[j] : j];
    const float value = static_cast<float>(dots[j]) * (scale * factor);
    at[selected] = static_cast<uint32_t>(j);
    values[selected] = value;
    selected += value >= threshold;
  }
  return selected;
}

float DotI12(const float* a, const int8_t* high, const uint8_t* lows,
             size_t n) {
  float sum = 0;
  for (size_t i = 0; i < n; ++i) {
    sum += a[i] * static_cast<float>(16 * high[i] + LowAt(lows, i));
  }
  return sum;
}

const Kernels& Choose() {
  const char* name = std::getenv("MITRA_KERNEL");
  const auto chosen = KernelsByName(name == nullptr ? "" : name);
  if (!chosen.ok()) {
    std::fprintf(stderr, "MITRA_KERNEL: %s\n",
                 std::string(chosen.status().message()).c_str());
    std::exit(2);
  }
  return **chosen;
}

}  // namespace

const Kernels& ScalarKernels() {
  static constexpr Kernels kKernels = {
      "scalar", DotI8, DotI8Rows, DotI8Gather, DotI8Tile, Select, DotI12};
  return kKernels;
}

absl::StatusOr<const Kernels*> KernelsByName(absl::string_view name) {
  const Kernels* found = nullptr;
  if (name.empty()) {
    found = Avx512Kernels();
    if (found == nullptr) found = Avx2Kernels();
    if (found == nullptr) found = &ScalarKernels();
  } else if (name == "scalar") {
    found = &ScalarKernels();
  } else if (name == "avx2") {
    found = Avx2Kernels();
  } else if (name == "avx512") {
    found = Avx512Kernels();
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        "kernel: must be scalar, avx2 or avx512, is \"", name, "\""));
  }
  if (found == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("kernel: this machine cannot run ", name));
  }
  return found;
}

const Kernels& ActiveKernels() {
  static const Kernels& kernels = Choose();
  return kernels;
}

}  // namespace mitra::search
