// Every reason that an error of the API can have: what it means, whether the
// same call may be tried again, and what a person may be told.

#ifndef MITRA_SERVICES_GATEWAY_API_ERROR_CATALOGUE_H_
#define MITRA_SERVICES_GATEWAY_API_ERROR_CATALOGUE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace mitra::gateway {

// What a client does with the same call.
enum class Repeat {
  kNever,   // the call is wrong, or not allowed
  kChange,  // after reading the state again
  kLater,   // after the RetryInfo, or with growing pauses
};

struct ErrorReason {
  absl::string_view reason;
  absl::StatusCode code;
  Repeat repeat;
  absl::string_view meaning;     // English, for developers
  absl::string_view for_person;  // Indonesian, for the one who uses the app
};

// In the order of reasons.
absl::Span<const ErrorReason> ErrorReasons();

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_API_ERROR_CATALOGUE_H_
