// Checks and normalisation of vectors that come from outside.

#ifndef MITRA_COMMON_EMBEDDING_VECTOR_H_
#define MITRA_COMMON_EMBEDDING_VECTOR_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace mitra::embedding {

// OK if `values` has `dimension` finite numbers and a length that float32
// arithmetic can divide by. Otherwise INVALID_ARGUMENT for the request field
// `field`, saying what is wrong: the length, the first position that is not
// finite (bit pattern tested, so -ffast-math changes nothing), a vector of
// zeros, or a squared length that underflows or overflows float32.
absl::Status ValidateVector(absl::string_view field,
                            absl::Span<const float> values, size_t dimension);

// Scales `values` to l2 norm 1 and returns true; leaves it unchanged and
// returns false if its squared length is 0, underflows or is not finite. The
// sum is taken in double, in order, so the result is the same on every machine.
bool Normalise(absl::Span<float> values);

}  // namespace mitra::embedding

#endif  // MITRA_COMMON_EMBEDDING_VECTOR_H_
