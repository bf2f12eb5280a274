// HTTP/JSON in, gRPC out.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_HTTP_EDGE_H_
#define MITRA_SERVICES_GATEWAY_HTTP_HTTP_EDGE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/call_context.h"
#include "common/rpc/task.h"
#include "services/gateway/edge/call_observer.h"
#include "services/gateway/http/documents.h"
#include "services/gateway/http/heartbeats.h"
#include "services/gateway/http/http_server.h"
#include "services/gateway/http/json_memo.h"
#include "services/gateway/http/negotiation.h"
#include "services/gateway/http/request_source.h"
#include "services/gateway/http/route_table.h"
#include "services/gateway/proxy/forwarder.h"

namespace mitra::gateway {

// Every path but /livez, /readyz and those of documents wants a credential,
// before anything is said about whether the path exists.
//
// Bodies may be packed with gzip; answers are when the client takes it. HEAD is
// GET without a body, OPTIONS tells the verbs. Streaming methods answer with
// server-sent events or, as the client accepts, lines of JSON; those that also
// take a stream take lines of JSON.
//
// Headers taken: Authorization, X-Api-Key, Accept, Accept-Encoding,
// Content-Type, Content-Encoding, Idempotency-Key, If-Match, If-None-Match,
// Last-Event-ID, Origin, X-Request-Timeout, X-Request-Id and traceparent.
// The last two are dropped if they are not well-formed, and a request id is
// made; no other header goes further than here. Headers sent: X-Request-Id on
// every answer, Mitra-Revision, ETag, Retry-After, Allow, WWW-Authenticate.
//
// Thread-safe. Everything given must outlive it.
class HttpEdge final : public HttpHandler {
 public:
  // `ready` tells whether the gateway takes traffic; it must not block.
  HttpEdge(const RouteTable& routes, const Documents& documents,
           Forwarder& forwarder, CallObserver& observer,
           std::function<bool()> ready, Cors cors = Cors({}),
           absl::Duration heartbeat = absl::Seconds(10))
      : routes_(routes),
        documents_(documents),
        forwarder_(forwarder),
        observer_(observer),
        ready_(std::move(ready)),
        cors_(std::move(cors)),
        heartbeats_(heartbeat) {}

  // Waits for streams that still end.
  ~HttpEdge() override;

  rpc::Task<HttpResponse> Handle(HttpRequest request) override;
  HttpResponse Refuse(const absl::Status& error) override;
  void CancelAll() override;

 private:
  struct Exchange;
  rpc::Task<absl::Status> Serve(const HttpRequest& request, Exchange& exchange);
  // A method that answers more than once, or is asked so.
  rpc::Task<absl::Status> ServeStream(const HttpRequest& request,
                                      const Route& route, Exchange& exchange,
                                      Admission::Ticket& ticket);
  static absl::StatusOr<std::unique_ptr<RequestSource>> RequestsOf(
      const HttpRequest& request, const Route& route);
  // What a path takes, HEAD and OPTIONS included.
  std::vector<std::string> AllowedVerbs(absl::string_view path) const;
  // The answer of `method` as JSON; null if it is not what it should be.
  std::shared_ptr<const JsonText> TextOf(const Method& method,
                                         const rpc::RawMessage& answer);
  HttpResponse Probe(const HttpRequest& request, absl::string_view path);

  const RouteTable& routes_;
  const Documents& documents_;
  Forwarder& forwarder_;
  CallObserver& observer_;
  const std::function<bool()> ready_;
  const Cors cors_;
  Heartbeats heartbeats_;
  JsonMemo memo_;
  absl::Mutex mutex_;
  absl::flat_hash_set<rpc::CallContext*> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_HTTP_EDGE_H_
