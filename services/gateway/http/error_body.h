// The one shape of every HTTP error (AIP-193):
//
//   {"error":{"code":404,"message":"…","status":"NOT_FOUND","details":[…]}}

#ifndef MITRA_SERVICES_GATEWAY_HTTP_ERROR_BODY_H_
#define MITRA_SERVICES_GATEWAY_HTTP_ERROR_BODY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mitra::gateway {

// The HTTP status of an error: by its code, but by its reason for those that
// HTTP has a status of its own for (404 route, 405, 408, 413, 414, 415, 431).
int HttpStatusOf(const absl::Status& status);

// The body for `status`, which is not OK, with its details and a RequestInfo
// that names the request.
std::string ErrorBody(const absl::Status& status, absl::string_view request_id);

// The value for the header Retry-After of `status`, in whole seconds; empty if
// it is not to be retried.
std::string RetryAfterOf(const absl::Status& status);

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_ERROR_BODY_H_
