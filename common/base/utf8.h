// Text from outside must be UTF-8: protobuf's C++ does not check what is set.

#ifndef MITRA_COMMON_BASE_UTF8_H_
#define MITRA_COMMON_BASE_UTF8_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mitra {

// Position of the first byte that does not belong to well-formed UTF-8: also
// overlong forms, surrogates and code points above U+10FFFF. NUL is a
// character.
std::optional<size_t> FirstInvalidUtf8(absl::string_view text);

// INVALID_ARGUMENT naming `field` if `text` is longer than `max_bytes`, not
// UTF-8 or holds NUL (with the position).
absl::Status ValidateText(absl::string_view field, absl::string_view text,
                          size_t max_bytes);

// `text` with every invalid byte replaced by U+FFFD.
std::string ReplaceInvalidUtf8(absl::string_view text);

}  // namespace mitra

#endif  // MITRA_COMMON_BASE_UTF8_H_
