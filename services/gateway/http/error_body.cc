#include "services/gateway/http/error_body.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "google/rpc/error_details.pb.h"
#include "services/gateway/http/json_codec.h"

namespace mitra::gateway {
namespace {

struct ReasonStatus {
  absl::string_view reason;
  int http_status;
};

constexpr ReasonStatus kReasons[] = {
    {"METHOD_NOT_ALLOWED", 405}, {"NOT_ACCEPTABLE", 406},
    {"REQUEST_TIMEOUT", 408},    {"MESSAGE_TOO_LARGE", 413},
    {"URL_TOO_LONG", 414},       {"UNSUPPORTED_MEDIA_TYPE", 415},
    {"HEADERS_TOO_LARGE", 431},
};

}  // namespace

int HttpStatusOf(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  for (const ReasonStatus& known : kReasons) {
    if (reason == known.reason) return known.http_status;
  }
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kAlreadyExists:
      return 409;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kCancelled:
      return 499;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

std::string ErrorBody(const absl::Status& status,
                      absl::string_view request_id) {
  google::rpc::Status proto = ToRpcStatus(status);
  google::rpc::RequestInfo info;
  info.set_request_id(std::string(request_id));
  proto.add_details()->PackFrom(info);

  std::string body = absl::StrCat("{\"error\":{\"code\":", HttpStatusOf(status),
                                  ",\"message\":");
  WriteJsonString(proto.message(), body);
  absl::StrAppend(&body, ",\"status\":\"",
                  absl::StatusCodeToString(status.code()), "\",\"details\":[");
  for (int i = 0; i < proto.details_size(); ++i) {
    if (i > 0) body += ',';
    WriteJson(proto.details(i), body);
  }
  body += "]}}";
  return body;
}

std::string RetryAfterOf(const absl::Status& status) {
  const absl::Duration delay = RetryDelayOf(status);
  if (delay <= absl::ZeroDuration()) return "";
  return absl::StrCat(std::max<int64_t>(
      1, static_cast<int64_t>(std::ceil(absl::ToDoubleSeconds(delay)))));
}

}  // namespace mitra::gateway
