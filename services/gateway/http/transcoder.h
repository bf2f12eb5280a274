// HTTP requests ↔ protobuf requests: path, query, body and headers become one
// message, as google.api.http says it.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_TRANSCODER_H_
#define MITRA_SERVICES_GATEWAY_HTTP_TRANSCODER_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "services/gateway/http/route_table.h"

namespace mitra::gateway {

// What a request brings besides its path.
struct RequestParts {
  // After the `?`, still encoded.
  absl::string_view query;
  absl::string_view body;
  // Header Idempotency-Key; becomes request_id.
  std::optional<absl::string_view> idempotency_key;
  // Header If-Match; becomes the request's etag.
  std::optional<absl::string_view> if_match;
};

// An empty message of the generated class of `type`.
std::unique_ptr<google::protobuf::Message> NewMessage(
    const google::protobuf::Descriptor* type);

// The request message. INVALID_ARGUMENT, naming the field, if
// - the body is missing where the method wants one (BODY_REQUIRED) or given
//   where it wants none (BODY_NOT_ALLOWED), or is not strict JSON;
// - a query parameter names no field, a field of the body, or fits badly;
// - body, query or header say another thing than the path, or than each other;
// - a header stands for a field that the request does not have.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> BuildRequest(
    const Route& route, const RequestParts& parts);

// The value for the header ETag: the response's own `etag` field, quoted;
// empty if it has none.
std::string ETagOf(const google::protobuf::Message& response);

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_TRANSCODER_H_
