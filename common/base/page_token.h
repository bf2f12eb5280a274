// Opaque page tokens: what they hold is ours, what comes back is checked.

#ifndef MITRA_COMMON_BASE_PAGE_TOKEN_H_
#define MITRA_COMMON_BASE_PAGE_TOKEN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mitra {

// `payload` under `key` (32 bytes), bound to `query_hash` and `expires`;
// base64url without padding. The payload is authenticated, not secret.
std::string EncodePageToken(absl::string_view key, absl::string_view payload,
                            uint64_t query_hash, absl::Time expires);

// The payload. INVALID_ARGUMENT naming `field`, with reason BAD_PAGE_TOKEN for
// a broken or foreign token or one of another query, PAGE_TOKEN_EXPIRED for one
// that is too old.
absl::StatusOr<std::string> DecodePageToken(absl::string_view key,
                                            absl::string_view token,
                                            absl::string_view field,
                                            uint64_t query_hash,
                                            absl::Time now);

// A key for a process that keeps none: tokens die with it.
std::string NewPageTokenKey();

}  // namespace mitra

#endif  // MITRA_COMMON_BASE_PAGE_TOKEN_H_
