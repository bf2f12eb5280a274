// One HTTP POST, blocking, with a limit on its time; for background threads.

#ifndef MITRA_COMMON_OBSERVABILITY_HTTP_POST_H_
#define MITRA_COMMON_OBSERVABILITY_HTTP_POST_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/observability/byte_stream.h"

namespace mitra {

struct HttpTarget {
  bool tls = false;
  std::string host;
  std::string port;
  std::string path;
};

// "http[s]://host[:port][/path]"; INVALID_ARGUMENT for anything else.
absl::StatusOr<HttpTarget> ParseHttpTarget(absl::string_view url);

struct PostAnswer {
  int status = 0;
  // The header Retry-After in seconds; zero if absent.
  absl::Duration retry_after;
};

// UNAVAILABLE if there is no answer until `end`. `tls` is for targets with TLS.
absl::StatusOr<PostAnswer> HttpPost(
    const HttpTarget& target, const ClientTls& tls,
    const std::vector<std::pair<std::string, std::string>>& headers,
    absl::string_view body, const TimeLimit& end);

}  // namespace mitra

#endif  // MITRA_COMMON_OBSERVABILITY_HTTP_POST_H_
