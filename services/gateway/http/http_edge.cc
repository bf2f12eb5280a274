#include "services/gateway/http/http_edge.h"

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/ids.h"
#include "common/observability/trace.h"
#include "common/rpc/call_span.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/gateway/edge/call_headers.h"
#include "services/gateway/edge/resource.h"
#include "services/gateway/http/error_body.h"
#include "services/gateway/http/gzip.h"
#include "services/gateway/http/json_codec.h"
#include "services/gateway/http/stream_call.h"
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
    "x-request-timeout", "x-request-id",    "traceparent",
    "if-none-match",     "origin",          "last-event-id"};

// One of those that came more than once; null if none did.
const char* RepeatedHeader(const HttpRequest& request) {
  const auto& headers = request.headers;
  for (size_t i = 1; i < headers.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (headers[i].first.size() != headers[j].first.size() ||
          !absl::EqualsIgnoreCase(headers[i].first, headers[j].first)) {
        continue;
      }
      for (const char* name : kSingleHeaders) {
        if (absl::EqualsIgnoreCase(headers[i].first, name)) return name;
      }
    }
  }
  return nullptr;
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

// The message that a request with a JSON body, or none, stands for.
absl::StatusOr<std::unique_ptr<Message>> ReadRequest(const HttpRequest& request,
                                                     const Route& route) {
  MITRA_ASSIGN_OR_RETURN(const bool packed, IsPacked(request, kJsonType));
  std::string unpacked;
  if (packed) {
    MITRA_ASSIGN_OR_RETURN(unpacked, Gunzip(request.body, kMaxMessageBytes));
  }
  RequestParts parts;
  parts.query = QueryOf(request.target);
  parts.body = packed ? unpacked : request.body;
  parts.idempotency_key = OptionalHeader(request, "idempotency-key");
  parts.if_match = OptionalHeader(request, "if-match");
  return BuildRequest(route, parts);
}

void AddCommonHeaders(absl::string_view request_id, HttpResponse& response,
                      std::string type = kJsonType) {
  response.headers.emplace_back("Content-Type", std::move(type));
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
  // The observer knows of it already.
  bool observed = false;
  // What a write is about, for the audit log.
  std::string resource;
  HttpResponse response;
};

Task<HttpResponse> HttpEdge::Handle(HttpRequest request) {
  const absl::string_view path = PathOf(request.target);
  if (path == "/livez" || path == "/readyz") co_return Probe(request, path);
  if (HttpResponse document; documents_.Answer(request, path, document)) {
    co_return document;
  }
  if (HttpResponse preflight;
      request.verb == "OPTIONS" &&
      cors_.AnswerPreflight(request, routes_.Allowed(path), preflight)) {
    co_return preflight;
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
  if (ParseTraceparent(request.Header("traceparent"))) {
    exchange.call.traceparent = std::string(request.Header("traceparent"));
  }
  rpc::CallSpan span(exchange.call);
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
  span.End(exchange.call, status.code());
  if (!status.ok()) {
    exchange.response = ErrorResponse(status, exchange.call.request_id);
    if (!exchange.allow.empty()) {
      exchange.response.headers.emplace_back("Allow", exchange.allow);
    }
  }
  cors_.Allow(request, exchange.response);
  if (exchange.response.stream != nullptr) {
    // Told to the observer when it has ended.
    co_return std::move(exchange.response);
  }
  if (request.verb == "HEAD") {
    exchange.response.content_length = exchange.response.text().size();
    exchange.response.body.clear();
    exchange.response.shared = nullptr;
  }

  if (exchange.observed) co_return std::move(exchange.response);
  CallRecord record;
  record.transport = "http";
  if (exchange.method != nullptr) record.method = exchange.method->name;
  record.http_status = exchange.response.status;
  record.status = status;
  record.latency = absl::Now() - start;
  record.request_id = exchange.call.request_id;
  record.credential = exchange.call.identity.credential;
  record.identity = &exchange.call.identity;
  record.audited = exchange.method != nullptr &&
                   IsAudited(exchange.call, exchange.method->read_only());
  record.resource = exchange.resource;
  record.detail = AuditDetail(exchange.call);
  observer_.OnCall(record);
  co_return std::move(exchange.response);
}

Task<absl::Status> HttpEdge::Serve(const HttpRequest& request,
                                   Exchange& exchange) {
  rpc::CallContext& call = exchange.call;
  if (const char* name = RepeatedHeader(request)) {
    co_return InvalidField(name, "the header is given twice");
  }
  const Credentials credentials = {request.Header("authorization"),
                                   request.Header("x-api-key")};
  absl::StatusOr<Caller> caller = forwarder_.Authenticate(credentials);
  if (!caller.ok()) co_return caller.status();

  const absl::string_view path = PathOf(request.target);
  if (request.verb == "OPTIONS" && !routes_.Allowed(path).empty()) {
    AddCommonHeaders(call.request_id, exchange.response);
    exchange.response.status = 204;
    exchange.response.headers.emplace_back(
        "Allow", absl::StrJoin(AllowedVerbs(path), ", "));
    co_return absl::OkStatus();
  }
  const absl::StatusOr<Route> route =
      routes_.Match(request.verb == "HEAD" ? "GET" : request.verb, path);
  if (!route.ok()) {
    if (ReasonOf(route.status()) == "METHOD_NOT_ALLOWED") {
      exchange.allow = absl::StrJoin(AllowedVerbs(path), ", ");
    }
    co_return route.status();
  }
  const Method& method = *route->method;
  exchange.method = &method;
  if (!method.read_only() && !route->variables.empty() &&
      IsValidId(route->variables[0].second)) {
    // Known also when the rest of the request is wrong.
    exchange.resource = route->variables[0].second;
  }

  call.deadline = absl::InfiniteFuture();
  if (const auto header = OptionalHeader(request, "x-request-timeout")) {
    const std::optional<absl::Duration> timeout = ParseTimeout(*header);
    if (!timeout) {
      co_return InvalidField("X-Request-Timeout",
                             "like 250ms, 5s, 2m or 1.5, at most a day");
    }
    call.deadline = absl::Now() + *timeout;
  }
  absl::StatusOr<Admission::Ticket> ticket =
      forwarder_.Enter(call, method, std::move(caller));
  if (!ticket.ok()) co_return ticket.status();

  if (method.streaming()) {
    co_return co_await ServeStream(request, *route, exchange, *ticket);
  }
  MITRA_CO_RETURN_IF_ERROR(ChooseType(request, {kJsonType}).status());
  MITRA_CO_ASSIGN_OR_RETURN(std::unique_ptr<Message> message,
                            ReadRequest(request, *route));
  if (!method.read_only()) exchange.resource = ResourceOf(method, *message);
  if (message->ByteSizeLong() > kMaxMessageBytes) {
    co_return MakeError(absl::StatusCode::kResourceExhausted,
                        "MESSAGE_TOO_LARGE",
                        "the request is larger than 4 MiB");
  }

  absl::StatusOr<RawMessage> answer =
      co_await forwarder_.CallMessage(call, method, *message);
  ticket->Finished(answer.status());
  if (!answer.ok()) co_return answer.status();
  const std::shared_ptr<const JsonText> text = TextOf(method, *answer);
  if (text == nullptr) {
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
  if (!text->etag.empty()) {
    const bool known = method.read_only() &&
                       NamesEtag(request.Header("if-none-match"), text->etag);
    response.headers.emplace_back("ETag", text->etag);
    if (known) {
      response.status = 304;
      co_return absl::OkStatus();
    }
  }
  // Shares ownership with all of `text`.
  response.shared = {text, &text->body};
  PackIfAccepted(request, response);
  co_return absl::OkStatus();
}

std::vector<std::string> HttpEdge::AllowedVerbs(absl::string_view path) const {
  std::vector<std::string> verbs = routes_.Allowed(path);
  if (verbs.empty()) return verbs;
  if (absl::c_linear_search(verbs, "GET")) {
    verbs.push_back("HEAD");
  }
  verbs.push_back("OPTIONS");
  absl::c_sort(verbs);
  return verbs;
}

absl::StatusOr<std::unique_ptr<RequestSource>> HttpEdge::RequestsOf(
    const HttpRequest& request, const Route& route) {
  const Method& method = *route.method;
  if (method.descriptor->client_streaming()) {
    MITRA_ASSIGN_OR_RETURN(const bool packed, IsPacked(request, kLinesType));
    if (request.body.empty()) {
      return MakeError(absl::StatusCode::kInvalidArgument, "BODY_REQUIRED",
                       "the request needs lines of JSON as its body");
    }
    return std::make_unique<RequestLines>(request.body, packed,
                                          method.descriptor->input_type());
  }
  MITRA_ASSIGN_OR_RETURN(const std::unique_ptr<Message> message,
                         ReadRequest(request, route));
  const StreamCursor cursor(*method.descriptor);
  const auto last_event = OptionalHeader(request, "last-event-id");
  if (cursor.known() && last_event) {
    MITRA_RETURN_IF_ERROR(cursor.Resume(*last_event, *message));
  }
  return std::make_unique<SingleRequest>(RawMessage::Of(*message));
}

Task<absl::Status> HttpEdge::ServeStream(const HttpRequest& request,
                                         const Route& route, Exchange& exchange,
                                         Admission::Ticket& ticket) {
  const Method& method = *route.method;
  const bool lines = method.descriptor->client_streaming();
  const absl::StatusOr<absl::string_view> type =
      lines ? ChooseType(request, {kLinesType})
            : ChooseType(request, {kEventsType, kLinesType});
  if (!type.ok()) co_return type.status();
  MITRA_CO_ASSIGN_OR_RETURN(auto requests, RequestsOf(request, route));
  const auto stream = std::make_shared<StreamCall>(
      method,
      *type == kLinesType ? StreamCall::Form::kLines
                          : StreamCall::Form::kEvents,
      std::move(requests));
  rpc::CallContext& call = stream->call();
  call.method = method.name;
  call.deadline = exchange.call.deadline;
  call.identity = exchange.call.identity;
  call.request_id = exchange.call.request_id;
  call.traceparent = exchange.call.traceparent;
  {
    absl::MutexLock lock(&mutex_);
    open_.insert(&call);
  }
  const absl::Time start = absl::Now();
  const std::function<void(const absl::Status&)> ended =
      [this, context = &call, &method, start](const absl::Status& status) {
        CallRecord record;
        record.transport = "http";
        record.method = method.name;
        record.http_status = HttpStatusOf(status);
        record.status = status;
        record.latency = absl::Now() - start;
        record.request_id = context->request_id;
        record.credential = context->identity.credential;
        record.identity = &context->identity;
        record.audited = IsAudited(*context, method.read_only());
        observer_.OnCall(record);
        absl::MutexLock lock(&mutex_);
        open_.erase(context);
      };
  stream->Start(forwarder_, std::move(ticket), ended);
  heartbeats_.Add(stream);
  // Until the first answer the call may still fail like any other.
  const absl::Status first = co_await stream->First();
  exchange.observed = true;
  MITRA_CO_RETURN_IF_ERROR(first);
  AddCommonHeaders(exchange.call.request_id, exchange.response,
                   std::string(*type));
  // Proxies such as nginx would hold pieces back.
  exchange.response.headers.emplace_back("X-Accel-Buffering", "no");
  exchange.response.stream = stream;
  co_return absl::OkStatus();
}

std::shared_ptr<const JsonText> HttpEdge::TextOf(const Method& method,
                                                 const RawMessage& answer) {
  const auto* type = method.descriptor->output_type();
  const uint64_t identity = answer.identity();
  if (auto known = memo_.FindSame(type, identity)) return known;
  std::string bytes = answer.ToString();
  auto text = memo_.Find(type, bytes);
  if (text == nullptr) {
    std::unique_ptr<Message> message = NewMessage(type);
    if (!answer.ParseTo(*message).ok()) return nullptr;
    auto written = std::make_shared<JsonText>();
    written->etag = ETagOf(*message);
    WriteJson(*message, written->body);
    text = std::move(written);
    if (method.read_only()) memo_.Put(type, std::move(bytes), text);
  }
  if (method.read_only()) memo_.PutSame(type, identity, text);
  return text;
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

HttpEdge::~HttpEdge() {
  CancelAll();
  // Streams whose client has gone away may still be on their way to their end.
  absl::MutexLock lock(&mutex_);
  const auto none = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return open_.empty();
  };
  mutex_.Await(absl::Condition(&none));
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
