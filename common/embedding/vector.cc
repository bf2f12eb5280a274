#include "common/embedding/vector.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"

namespace mitra::embedding {
namespace {

// All ones in the exponent: infinity or not a number.
bool IsFinite(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return (bits & 0x7F800000u) != 0x7F800000u;
}

// In double the sum of squares of floats neither underflows nor overflows.
double SquaredLength(absl::Span<const float> values) {
  double sum = 0;
  for (const float value : values) {
    sum += static_cast<double>(value) * static_cast<double>(value);
  }
  return sum;
}

bool FitsFloat(double squared_length) {
  return squared_length >= std::numeric_limits<float>::min() &&
         squared_length <= std::numeric_limits<float>::max();
}

}  // namespace

absl::Status ValidateVector(absl::string_view field,
                            absl::Span<const float> values, size_t dimension) {
  if (values.size() != dimension) {
    return InvalidField(field, absl::StrCat("must have ", dimension,
                                            " values, has ", values.size()));
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (!IsFinite(values[i])) {
      return InvalidField(
          field, absl::StrCat("must be finite, position ", i, " is not"));
    }
  }
  const double squared_length = SquaredLength(values);
  if (squared_length == 0) {
    return InvalidField(field, "must not be all zeros");
  }
  if (!FitsFloat(squared_length)) {
    return InvalidField(field,
                        absl::StrCat("its length is too ",
                                     squared_length < 1 ? "small" : "large",
                                     " to be normalised"));
  }
  return absl::OkStatus();
}

bool Normalise(absl::Span<float> values) {
  for (const float value : values) {
    if (!IsFinite(value)) return false;
  }
  const double squared_length = SquaredLength(values);
  if (!FitsFloat(squared_length)) return false;
  const double length = std::sqrt(squared_length);
  for (float& value : values) {
    value = static_cast<float>(static_cast<double>(value) / length);
  }
  return true;
}

}  // namespace mitra::embedding
