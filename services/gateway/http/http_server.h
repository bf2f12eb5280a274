// HTTP as the gateway sees it: whole requests in, whole responses out. The
// library behind it appears in one .cc only.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_HTTP_SERVER_H_
#define MITRA_SERVICES_GATEWAY_HTTP_HTTP_SERVER_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/rpc/task.h"

namespace mitra::gateway {

class TlsContext;

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  // "GET".
  std::string verb;
  // Path and query as they came.
  absl::string_view target;
  std::vector<std::pair<absl::string_view, absl::string_view>> headers;
  // Chunks already joined.
  std::string body;
  // Keeps what the views point to.
  std::shared_ptr<const void> owner;

  // The value of the first header of that name, in any case; empty if there is
  // none.
  absl::string_view Header(absl::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (absl::EqualsIgnoreCase(key, name)) return value;
    }
    return {};
  }
  int Count(absl::string_view name) const {
    int count = 0;
    for (const auto& [key, value] : headers) {
      count += absl::EqualsIgnoreCase(key, name) ? 1 : 0;
    }
    return count;
  }
};

// A body that comes piece by piece. Thread-safe in that one thread may take
// pieces while another abandons it.
class HttpBody {
 public:
  virtual ~HttpBody() = default;
  // Nothing at the end. Asked again only after the piece before is written.
  virtual rpc::Task<std::optional<std::string>> Next() = 0;
  // Nobody wants the rest: the client has gone away.
  virtual void Abandon() = 0;
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;
  std::string body;
  // In the place of `body` if it is not null: one that many answers share.
  std::shared_ptr<const std::string> shared;
  // In the place of both if it is not null.
  std::shared_ptr<HttpBody> stream;
  // Of an answer to HEAD: how long its body would be.
  std::optional<size_t> content_length;

  const std::string& text() const { return shared ? *shared : body; }
};

// Answers requests. Thread-safe.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  // Starts on the server's thread, which it must not block; may resume and end
  // on any other. Called only while the server is not drained.
  virtual rpc::Task<HttpResponse> Handle(HttpRequest request) = 0;

  // The answer to a request that never became one: `error` has one of the
  // reasons MALFORMED_REQUEST, URL_TOO_LONG, HEADERS_TOO_LARGE,
  // MESSAGE_TOO_LARGE, REQUEST_TIMEOUT, or DRAINING.
  virtual HttpResponse Refuse(const absl::Status& error) = 0;

  // Ends all open calls early; they still answer.
  virtual void CancelAll() = 0;
};

// An HTTP/1.1 server with a thread of its own. Requests of one connection are
// answered one after another.
class HttpServer {
 public:
  struct Options {
    // "127.0.0.1:0" for any free port, "[::1]:8080".
    std::string listen = "127.0.0.1:0";
    // Speaks TLS if it is not null; must outlive the server.
    const TlsContext* tls = nullptr;
    size_t max_url_bytes = 8 << 10;
    size_t max_header_count = 64;
    size_t max_header_name_bytes = 128;
    size_t max_header_value_bytes = 8 << 10;
    // A larger body is refused before it is read.
    size_t max_body_bytes = 4 << 20;
    size_t max_connections = 2000;
    // A whole request, from the end of the one before it on the connection.
    absl::Duration read_timeout = absl::Seconds(30);
    // From the request to the first byte of its answer; the deadline of a call
    // ends it long before.
    absl::Duration handle_timeout = absl::Seconds(660);
    // A whole response.
    absl::Duration write_timeout = absl::Seconds(30);
  };

  // UNAVAILABLE (CANNOT_LISTEN) if the address is taken or malformed.
  // `handler` must outlive the server.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      const Options& options, HttpHandler& handler);

  // Drains at once.
  virtual ~HttpServer() = default;

  // With the port that was chosen.
  virtual const std::string& address() const = 0;

  // Takes no more connections, refuses further requests, waits up to `grace`
  // for open ones, cancels those that are left, then stops. Blocks; may be
  // called again.
  virtual void Drain(absl::Duration grace) = 0;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_HTTP_SERVER_H_
