// Texts that we give out and take back: what they hold is ours, what comes back
// is checked. Authenticated, not secret.

#ifndef MITRA_COMMON_BASE_SEALED_TOKEN_H_
#define MITRA_COMMON_BASE_SEALED_TOKEN_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mitra {

inline constexpr size_t kTokenKeyBytes = 32;

// `payload` under `key`, bound to `context` (which is not in the token) and to
// `expires`; base64url without padding. Empty without a key of kTokenKeyBytes:
// nobody could check it.
std::string SealToken(absl::string_view key, absl::string_view context,
                      absl::string_view payload, absl::Time expires);

enum class Unsealed { kGood, kBroken, kExpired };

// Takes the payload out. kBroken for what was not made by SealToken with the
// same key and context, whatever it is, and without a key.
Unsealed OpenToken(absl::string_view key, absl::string_view context,
                   absl::string_view token, absl::Time now,
                   std::string& payload);

// INVALID_ARGUMENT naming `field`, with a reason of its own.
absl::Status TokenError(absl::string_view field, absl::string_view reason,
                        absl::string_view description);

}  // namespace mitra

#endif  // MITRA_COMMON_BASE_SEALED_TOKEN_H_
