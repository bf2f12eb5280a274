#include "services/gateway/http/http_edge.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/observability/trace.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/gateway/edge/call_headers.h"
#include "services/gateway/http/error_body.h"
#include "services/gateway/http/json_codec.h"
#include "services/gateway/http/transcoder.h"

namespace mitra::gateway {
namespace {

using google::protobuf::Message;
using rpc::RawMessage;
using rpc::Task;

// The services take as much.
constexpr size_t kMaxMessageBytes = 4 << 20;

// Headers that mean something here must not come in two versions.
constexpr const char* kSingleHeaders[] = {
    "authorization",     "x-api-key",       "content-type",
    "content-encoding",  "idempotency-key", "if-match",
    "x-request-timeout", "x-request-id",    "traceparent"};

absl::Status UnsupportedMediaType(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "UNSUPPORTED_MEDIA_TYPE",
                   message);
}

absl::Status CheckMediaType(const HttpRequest& request) {
  const absl::string_view encoding = request.Header("content-encoding");
  if (!encoding.empty() && !absl::EqualsIgnoreCase(encoding, "identity")) {
    return UnsupportedMediaType("bodies must not be compressed");
  }
  if (request.body.empty()) return absl::OkStatus();
  const std::vector<absl::string_view> parts =
      absl::StrSplit(request.Header("content-type"), ';');
  bool good = absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(parts[0]),
                                     "application/json");
  for (size_t i = 1; good && i < parts.size(); ++i) {
    const absl::string_view parameter = absl::StripAsciiWhitespace(parts[i]);
    good = absl::EqualsIgnoreCase(parameter, "charset=utf-8") ||
           absl::EqualsIgnoreCase(parameter, "charset=\"utf-8\"");
  }
  if (good) return absl::OkStatus();
  return UnsupportedMediaType("the content type must be application/json");
}

std::optional<absl::string_view> OptionalHeader(const HttpRequest& request,
                                                absl::string_view name) {
  if (request.Count(name) == 0) return std::nullopt;
  return request.Header(name);
}

absl::string_view PathOf(absl::string_view target) {
  return target.substr(0, target.find('?'));
}

absl::string_view QueryOf(absl::string_view target) {
  const size_t mark = target.find('?');
  return mark == absl::string_view::npos ? "" : target.substr(mark + 1);
}

void AddCommonHeaders(absl::string_view request_id, HttpResponse& response) {
  response.headers.emplace_back("Content-Type", "application/json");
  response.headers.emplace_back("X-Request-Id", std::string(request_id));
  response.headers.emplace_back("Cache-Control", "no-store");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
}

HttpResponse ErrorResponse(const absl::Status& error,
                           absl::string_view request_id) {
  HttpResponse response;
  response.status = HttpStatusOf(error);
  AddCommonHeaders(request_id, response);
  if (std::string after = RetryAfterOf(error); !after.empty()) {
    response.headers.emplace_back("Retry-After", std::move(after));
  }
  if (response.status == 401) {
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"mitra\"");
  }
  response.body = ErrorBody(error, request_id);
  return response;
}

}  // namespace

// One request and what becomes of it.
struct HttpEdge::Exchange {
  rpc::CallContext call;
  const Method* method = nullptr;
  std::string allow;
  HttpResponse response;
};

Task<HttpResponse> HttpEdge::Handle(HttpRequest request) {
  const absl::string_view path = PathOf(request.target);
  if (path == "/livez" || path == "/readyz") co_return Probe(request, path);
  if (HttpResponse document; documents_.Answer(request, path, document)) {
    co_return document;
  }

  const absl::Time start = absl::Now();
  Exchange exchange;
  const absl::string_view request_id = request.Header("x-request-id");
  exchange.call.request_id =
      rpc::IsRequestId(request_id) ? std::string(request_id) : NewRequestId();
  {
    absl::MutexLock lock(&mutex_);
    open_.insert(&exchange.call);
  }
  absl::Status status;
  try {
    status = co_await Serve(request, exchange);
  } catch (...) {
    // Without inner text; the request id finds it in the log.
    status = MakeError(absl::StatusCode::kInternal, "INTERNAL",
                       "internal error; quote the request id");
  }
  {
    absl::MutexLock lock(&mutex_);
    open_.erase(&exchange.call);
  }
  if (!status.ok()) {
    exchange.response = ErrorResponse(status, exchange.call.request_id);
    if (!exchange.allow.empty()) {
      exchange.response.headers.emplace_back("Allow", exchange.allow);
    }
  }
  if (request.verb == "HEAD") exchange.response.body.clear();

  CallRecord record;
  record.transport = "http";
  if (exchange.method != nullptr) record.method = exchange.method->name;
  record.http_status = exchange.response.status;
  record.status = status;
  record.latency = absl::Now() - start;
  record.request_id = exchange.call.request_id;
  record.credential = exchange.call.identity.credential;
  observer_.OnCall(record);
  co_return std::move(exchange.response);
}

Task<absl::Status> HttpEdge::Serve(const HttpRequest& request,
                                   Exchange& exchange) {
  rpc::CallContext& call = exchange.call;
  for (const char* name : kSingleHeaders) {
    if (request.Count(name) > 1) {
      co_return InvalidField(name, "the header is given twice");
    }
  }
  const Credentials credentials = {request.Header("authorization"),
                                   request.Header("x-api-key")};
  MITRA_CO_RETURN_IF_ERROR(forwarder_.Authenticate(credentials));

  const absl::string_view path = PathOf(request.target);
  const absl::StatusOr<Route> route = routes_.Match(request.verb, path);
  if (!route.ok()) {
    if (ReasonOf(route.status()) == "METHOD_NOT_ALLOWED") {
      exchange.allow = absl::StrJoin(routes_.Allowed(path), ", ");
    }
    co_return route.status();
  }
  const Method& method = *route->method;
  exchange.method = &method;

  call.deadline = absl::InfiniteFuture();
  if (const auto header = OptionalHeader(request, "x-request-timeout")) {
    const std::optional<absl::Duration> timeout = ParseTimeout(*header);
    if (!timeout) {
      co_return InvalidField("X-Request-Timeout",
                             "like 250ms, 5s, 2m or 1.5, at most a day");
    }
    call.deadline = absl::Now() + *timeout;
  }
  if (ParseTraceparent(request.Header("traceparent"))) {
    call.traceparent = std::string(request.Header("traceparent"));
  }
  const absl::StatusOr<Admission::Ticket> ticket =
      forwarder_.Enter(call, method, credentials);
  if (!ticket.ok()) co_return ticket.status();

  MITRA_CO_RETURN_IF_ERROR(CheckMediaType(request));
  RequestParts parts;
  parts.query = QueryOf(request.target);
  parts.body = request.body;
  parts.idempotency_key = OptionalHeader(request, "idempotency-key");
  parts.if_match = OptionalHeader(request, "if-match");
  MITRA_CO_ASSIGN_OR_RETURN(std::unique_ptr<Message> message,
                            BuildRequest(*route, parts));
  if (message->ByteSizeLong() > kMaxMessageBytes) {
    co_return MakeError(absl::StatusCode::kResourceExhausted,
                        "MESSAGE_TOO_LARGE",
                        "the request is larger than 4 MiB");
  }

  absl::StatusOr<RawMessage> answer =
      co_await forwarder_.CallMessage(call, method, *message);
  if (!answer.ok()) co_return answer.status();
  std::unique_ptr<Message> result =
      NewMessage(method.descriptor->output_type());
  if (!answer->ParseTo(*result).ok()) {
    co_return MakeError(absl::StatusCode::kInternal, "MALFORMED_ANSWER",
                        "a service behind the gateway sent a broken answer");
  }
  HttpResponse& response = exchange.response;
  AddCommonHeaders(call.request_id, response);
  for (const auto& [key, value] : call.trailers()) {
    if (key == rpc::kRevisionKey) {
      response.headers.emplace_back("Mitra-Revision", value);
      break;
    }
  }
  if (std::string tag = ETagOf(*result); !tag.empty()) {
    response.headers.emplace_back("ETag", std::move(tag));
  }
  WriteJson(*result, response.body);
  co_return absl::OkStatus();
}

HttpResponse HttpEdge::Probe(const HttpRequest& request,
                             absl::string_view path) {
  const std::string request_id = NewRequestId();
  const bool head = request.verb == "HEAD";
  HttpResponse response;
  if (!head && request.verb != "GET") {
    response = ErrorResponse(
        MakeError(absl::StatusCode::kUnimplemented, "METHOD_NOT_ALLOWED",
                  "this path takes only GET, HEAD"),
        request_id);
    response.headers.emplace_back("Allow", "GET, HEAD");
  } else if (path == "/readyz" && !ready_()) {
    response =
        ErrorResponse(MakeError(absl::StatusCode::kUnavailable, "NOT_READY",
                                "the gateway does not take traffic"),
                      request_id);
  } else {
    AddCommonHeaders(request_id, response);
    response.body = "{\"status\":\"ok\"}";
  }
  if (head) response.body.clear();
  return response;
}

void HttpEdge::CancelAll() {
  absl::MutexLock lock(&mutex_);
  for (rpc::CallContext* call : open_) call->Cancel();
}

HttpResponse HttpEdge::Refuse(const absl::Status& error) {
  CallRecord record;
  record.transport = "http";
  record.http_status = HttpStatusOf(error);
  record.status = error;
  observer_.OnCall(record);
  return ErrorResponse(error, NewRequestId());
}

}  // namespace mitra::gateway
