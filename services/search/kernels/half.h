// Numbers of 16 bits (IEEE 754 binary16): 11 significant bits, half the memory
// of a float.

#ifndef MITRA_SERVICES_SEARCH_KERNELS_HALF_H_
#define MITRA_SERVICES_SEARCH_KERNELS_HALF_H_

#include <cstdint>
#include <cstring>

namespace mitra::search {

// The bits of one. A type of its own would hinder reading them from files.
using Half = uint16_t;

// The nearest, ties to even; infinite above 65,504. What is below 6e-8 is 0.
inline Half ToHalf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const auto sign = static_cast<uint32_t>(bits >> 16 & 0x8000);
  bits &= 0x7fffffff;
  if (bits > 0x7f800000) return static_cast<Half>(sign | 0x7e00);   // NaN
  if (bits >= 0x477ff000) return static_cast<Half>(sign | 0x7c00);  // too large
  if (bits < 0x38800000) {
    // Below 2^-14 halves are multiples of 2^-24: so is the last bit of this
    // sum, which the addition rounds to.
    float magnitude;
    std::memcpy(&magnitude, &bits, sizeof(bits));
    magnitude += 0.5F;
    std::memcpy(&bits, &magnitude, sizeof(bits));
    return static_cast<Half>(sign | (bits - 0x3f000000));
  }
  // The exponent's bias goes from 127 to 15; 13 bits are rounded off.
  bits += 0xc8000fff + (bits >> 13 & 1);
  return static_cast<Half>(sign | bits >> 13);
}

inline float FromHalf(Half half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t rest = static_cast<uint32_t>(half & 0x7fff) << 13;
  uint32_t bits = rest + 0x38000000;
  if (rest >= 0x0f800000) {  // infinite or NaN
    bits = rest + 0x70000000;
  } else if (rest < 0x00800000) {  // a multiple of 2^-24
    const float value = static_cast<float>(half & 0x7fff) * 0x1p-24F;
    std::memcpy(&bits, &value, sizeof(bits));
  }
  bits |= sign;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_KERNELS_HALF_H_
