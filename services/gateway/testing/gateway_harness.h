// A whole gateway in a test's process, with real sockets on both sides. All
// three services behind it are one fake, which answers every method of the
// table with an empty message.

#ifndef MITRA_SERVICES_GATEWAY_TESTING_GATEWAY_HARNESS_H_
#define MITRA_SERVICES_GATEWAY_TESTING_GATEWAY_HARNESS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/rpc/server.h"
#include "services/gateway/edge/audit_log.h"
#include "services/gateway/edge/call_metrics.h"
#include "services/gateway/edge/key_file_source.h"
#include "services/gateway/edge/token_source.h"
#include "services/gateway/http/http_edge.h"
#include "services/gateway/proxy/grpc_proxy.h"
#include "tests/support/temp_dir.h"
#include "tests/support/token_issuer.h"

namespace grpc {
class Channel;
}

namespace mitra::gateway {

// What came back over HTTP.
struct HttpAnswer {
  int status = 0;  // 0: the connection was closed without an answer
  std::string head;
  std::string body;
};

class GatewayHarness {
 public:
  struct Options {
    Admission::Options admission;
    HttpServer::Options http;
    std::vector<std::string> cors_origins;
    absl::Duration heartbeat = absl::Seconds(10);
  };
  // Answers a unary method in the place of the fake's empty message.
  using Handler = rpc::UnaryHandler;

  explicit GatewayHarness(Options options);
  GatewayHarness() : GatewayHarness(Options()) {}
  ~GatewayHarness();

  const MethodTable& methods() const { return *methods_; }
  // From now on, for the method of that full name.
  void Answer(const std::string& method, Handler handler);
  // The same for a streaming method.
  void AnswerStream(const std::string& method, rpc::StreamHandler handler);

  // Writes a key into the key file, which the gateway reads at once.
  std::string NewKey(const std::vector<std::string>& scopes,
                     const std::string& member_id = "",
                     absl::Time expire_time = absl::InfiniteFuture());
  void Revoke(const std::string& key);
  // A key by which `delegate` acts for `member`, for an hour.
  std::string NewDelegateKey(const std::vector<std::string>& scopes,
                             const std::string& member,
                             const std::string& delegate);

  // Signs tokens that the gateway takes, for issuer "https://issuer.example"
  // and audience "mitra".
  const testing::TokenIssuer& issuer() const { return issuer_; }

  // Sends `bytes` on a new connection and reads until the server closes it;
  // calls `begun` when the first of the answer has come.
  HttpAnswer Raw(absl::string_view bytes,
                 const std::function<void()>& begun = nullptr) const;
  // One request. `headers` are lines that end with \r\n.
  HttpAnswer Http(absl::string_view verb, absl::string_view target,
                  absl::string_view headers = "",
                  absl::string_view body = "") const;

  // One call by bytes, with `metadata`: unary, or a stream that sends one
  // message and takes one.
  absl::Status Grpc(const std::string& method,
                    const std::map<std::string, std::string>& metadata,
                    absl::Duration timeout = absl::Seconds(20),
                    const std::string& request = "") const;

  HttpServer& http() { return *http_; }
  // What the audit log holds.
  std::string audit() const;

 private:
  void StartBackend();

  testing::TempDir dir_;
  std::unique_ptr<MethodTable> methods_;
  std::unique_ptr<RouteTable> routes_;
  absl::Mutex mutex_;
  std::map<std::string, Handler> handlers_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, rpc::StreamHandler> streams_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<rpc::Server> backend_;
  std::unique_ptr<KeyFileSource> keys_;
  const testing::TokenIssuer issuer_{"ES256", "test"};
  std::unique_ptr<TokenSource> tokens_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<Admission> admission_;
  LocalLastWrites last_writes_;
  std::unique_ptr<Delegations> delegations_;
  std::unique_ptr<Forwarder> forwarder_;
  std::unique_ptr<AuditLog> audit_;
  CallMetrics metrics_;
  CallObservers records_;
  std::unique_ptr<GrpcProxy> proxy_;
  std::unique_ptr<rpc::Server> grpc_;
  Documents documents_;
  std::unique_ptr<HttpEdge> edge_;
  std::unique_ptr<HttpServer> http_;
  std::shared_ptr<grpc::Channel> client_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_TESTING_GATEWAY_HARNESS_H_
