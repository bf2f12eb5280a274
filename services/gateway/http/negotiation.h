// What a request is written in and what its answer may be written in.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_NEGOTIATION_H_
#define MITRA_SERVICES_GATEWAY_HTTP_NEGOTIATION_H_

#include <initializer_list>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/gateway/http/http_server.h"

namespace mitra::gateway {

inline constexpr char kJsonType[] = "application/json";
inline constexpr char kLinesType[] = "application/x-ndjson";
inline constexpr char kEventsType[] = "text/event-stream";

// Whether the body is packed with gzip. INVALID_ARGUMENT
// (UNSUPPORTED_MEDIA_TYPE) for any other Content-Encoding, and for a body that
// is not labelled as `type`, in UTF-8 if it says a charset.
absl::StatusOr<bool> IsPacked(const HttpRequest& request,
                              absl::string_view type);

// The first of `types` that the header Accept takes (RFC 9110, 12.5.1), the
// very first if there is no header. INVALID_ARGUMENT (NOT_ACCEPTABLE) if it
// takes none.
absl::StatusOr<absl::string_view> ChooseType(
    const HttpRequest& request, std::initializer_list<absl::string_view> types);

// Packs the body if it is worth it and the client takes gzip, and says so.
void PackIfAccepted(const HttpRequest& request, HttpResponse& response);

// Whether a header If-None-Match names `etag`, as it is quoted.
bool NamesEtag(absl::string_view if_none_match, absl::string_view etag);

// Pages of other origins: none by default.
class Cors {
 public:
  // Origins such as "https://toko.example", or "*".
  explicit Cors(std::vector<std::string> origins)
      : origins_(std::move(origins)) {}

  // Whether this is a preflight that is to be answered without a credential;
  // fills `response`.
  bool AnswerPreflight(const HttpRequest& request,
                       const std::vector<std::string>& verbs,
                       HttpResponse& response) const;
  // Lets the origin's page read the answer, if that is allowed.
  void Allow(const HttpRequest& request, HttpResponse& response) const;

 private:
  // The origin of an allowed page; empty for all others.
  std::string OriginOf(const HttpRequest& request) const;

  const std::vector<std::string> origins_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_NEGOTIATION_H_
