// Errors that carry google.rpc details, built and read in one place.
//
// A detail rides on an absl::Status as a payload under its type URL, so domain
// code can make complete errors without seeing gRPC; common/rpc writes them to
// the wire as google.rpc.Status (AIP-193). Every error that leaves a service
// has exactly one ErrorInfo, domain "mitra"; the reasons are listed in the
// README. Messages name the field first, hold no profile content and are cut to
// 1,000 bytes at a character boundary.

#ifndef MITRA_COMMON_STATUS_ERRORS_H_
#define MITRA_COMMON_STATUS_ERRORS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/rpc/status.pb.h"

namespace mitra {

// An error with a machine-readable reason (UPPER_SNAKE_CASE) and facts.
absl::Status MakeError(
    absl::StatusCode code, absl::string_view reason, absl::string_view message,
    std::vector<std::pair<std::string, std::string>> metadata = {});

// INVALID_ARGUMENT for one field: "field: description", reason INVALID_FIELD,
// with a BadRequest detail. `field` is the path from the request's root.
absl::Status InvalidField(absl::string_view field,
                          absl::string_view description);

// Collects violations of several fields into one INVALID_ARGUMENT. Not
// thread-safe.
class FieldViolations {
 public:
  // Keeps the first 20; later ones are only counted.
  void Add(absl::string_view field, absl::string_view description);
  bool empty() const { return count_ == 0; }
  // OK if nothing was added.
  absl::Status ToStatus() const;

 private:
  size_t count_ = 0;
  std::vector<std::pair<std::string, std::string>> violations_;
};

// `status` with a RetryInfo detail.
absl::Status WithRetryDelay(absl::Status status, absl::Duration delay);

// The RetryInfo of `status`; zero if it has none.
absl::Duration RetryDelayOf(const absl::Status& status);

// The reason of the status's ErrorInfo; empty if it has none.
std::string ReasonOf(const absl::Status& status);

// The fields of the status's BadRequest, in order.
std::vector<std::string> ViolatedFields(const absl::Status& status);

// Conversions to and from the wire form. An error without ErrorInfo gets one
// whose reason is the name of its code.
google::rpc::Status ToRpcStatus(const absl::Status& status);
absl::Status FromRpcStatus(const google::rpc::Status& status);

// `text` cut to at most `max_bytes` at a UTF-8 character boundary.
std::string CutUtf8(absl::string_view text, size_t max_bytes);

}  // namespace mitra

#endif  // MITRA_COMMON_STATUS_ERRORS_H_
