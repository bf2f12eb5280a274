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
#include "services/gateway/edge/call_observer.h"
#include "services/gateway/edge/key_file_source.h"
#include "services/gateway/http/http_edge.h"
#include "services/gateway/proxy/grpc_proxy.h"
#include "tests/support/temp_dir.h"

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
  };
  // Answers a unary method in the place of the fake's empty message.
  using Handler = rpc::UnaryHandler;

  explicit GatewayHarness(Options options);
  GatewayHarness() : GatewayHarness(Options()) {}
  ~GatewayHarness();

  const MethodTable& methods() const { return *methods_; }
  // From now on, for the method of that full name.
  void Answer(const std::string& method, Handler handler);

  // Writes a key into the key file, which the gateway reads at once.
  std::string NewKey(const std::vector<std::string>& scopes,
                     const std::string& member_id = "",
                     absl::Time expire_time = absl::InfiniteFuture());
  void Revoke(const std::string& key);

  // Sends `bytes` on a new connection and reads until the server closes it.
  HttpAnswer Raw(absl::string_view bytes) const;
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

 private:
  class Records final : public CallObserver {
   public:
    void OnCall(const CallRecord&) override {}
  };
  void StartBackend();

  testing::TempDir dir_;
  std::unique_ptr<MethodTable> methods_;
  std::unique_ptr<RouteTable> routes_;
  absl::Mutex mutex_;
  std::map<std::string, Handler> handlers_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<rpc::Server> backend_;
  std::unique_ptr<KeyFileSource> keys_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<Admission> admission_;
  LocalLastWrites last_writes_;
  std::unique_ptr<Forwarder> forwarder_;
  Records records_;
  std::unique_ptr<GrpcProxy> proxy_;
  std::unique_ptr<rpc::Server> grpc_;
  Documents documents_;
  std::unique_ptr<HttpEdge> edge_;
  std::unique_ptr<HttpServer> http_;
  std::shared_ptr<grpc::Channel> client_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_TESTING_GATEWAY_HARNESS_H_
