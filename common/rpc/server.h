// The gRPC server of every Mitra service.
//
// Methods are registered by name with a coroutine handler; requests arrive on a
// completion queue as bytes, are parsed, handled and answered there. The
// decision, with figures: services/decisions/2026-11-25-coroutine-server.md.
//
//   Server::Builder builder(options);
//   builder.Unary<GetProfileRequest, Profile>(
//       "/mitra.v1.Profiles/GetProfile",
//       [&](CallContext& call, const GetProfileRequest& request,
//           Profile& response) -> Task<absl::Status> { … });
//   MITRA_ASSIGN_OR_RETURN(auto server, builder.Start());
//
// What the server does for every method: reads the deadline (a call without one
// gets the method's default, any is capped by its maximum), identity, request
// id and trace context; refuses calls whose deadline has passed, calls beyond
// `max_in_flight` (RESOURCE_EXHAUSTED with RetryInfo), and calls while it
// drains; turns absl::Status into google.rpc.Status with details; turns an
// exception into INTERNAL; records latency and outcome per method; serves
// grpc.health.v1, reflection (v1 and v1alpha) and Hop.Exchange, which offers
// every unary method over one batched stream.

#ifndef MITRA_COMMON_RPC_SERVER_H_
#define MITRA_COMMON_RPC_SERVER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/rpc/call_context.h"
#include "common/rpc/raw_message.h"
#include "common/rpc/task.h"
#include "common/security/tls_files.h"

namespace mitra::rpc {

// Reads and writes of one streaming call. Used from one coroutine at a time.
class RawStream {
 public:
  virtual ~RawStream() = default;
  // The next message, or nothing at the end or after a failure.
  virtual Task<std::optional<RawMessage>> Read() = 0;
  // Resumes when the transport has taken the message, so that a slow client
  // slows the writer. False: the call is over, stop.
  virtual Task<bool> Write(RawMessage message) = 0;
  // The last message. A server's own streams send it together with the call's
  // status, if that is OK.
  virtual Task<bool> WriteLast(RawMessage message) {
    return Write(std::move(message));
  }
};

template <typename Response>
class Writer {
 public:
  explicit Writer(RawStream& stream) : stream_(stream) {}
  Task<bool> Write(const Response& response) {
    return stream_.Write(RawMessage::Of(response));
  }

 private:
  RawStream& stream_;
};

template <typename Request, typename Response>
class Stream : public Writer<Response> {
 public:
  explicit Stream(RawStream& stream)
      : Writer<Response>(stream), stream_(stream) {}
  // The next request, nothing at the end. A message that does not parse ends
  // the call with INVALID_ARGUMENT.
  Task<absl::StatusOr<std::optional<Request>>> Read() {
    std::optional<RawMessage> raw = co_await stream_.Read();
    if (!raw) co_return std::optional<Request>();
    Request request;
    if (absl::Status status = raw->ParseTo(request); !status.ok()) {
      co_return status;
    }
    co_return std::optional<Request>(std::move(request));
  }

 private:
  RawStream& stream_;
};

using UnaryHandler = std::function<Task<absl::Status>(
    CallContext&, const RawMessage& request, RawMessage& response)>;
using StreamHandler =
    std::function<Task<absl::Status>(CallContext&, RawStream&)>;

class Server {
 public:
  struct Options {
    // Where to listen: "127.0.0.1:0" (any free port) or "unix:/path/to/socket".
    std::vector<std::string> listen = {"127.0.0.1:0"};
    // Completion queues, each with its own thread. 1 is fastest on 2 cores
    // when handlers are short.
    int threads = 1;
    // Calls that may be open at once; more are refused.
    int max_in_flight = 1000;
    // Largest message taken, in bytes.
    int max_message_bytes = 4 << 20;
    // Believe identity metadata. Only for servers that nobody but the gateway
    // and the other services can reach; the gateway itself says no.
    bool trust_identity = true;
    // Certificates for every address but unix sockets; Start() checks them. A
    // `ca_file` makes clients show one too.
    TlsFiles tls;
    // The configuration's section that errors about `tls` name.
    std::string tls_section = "tls";
    // After drain begins: how long calls may still finish.
    absl::Duration drain_grace = absl::Seconds(10);
    // After drain begins: how long new calls are still taken, so that load
    // balancers see NOT_SERVING first.
    absl::Duration drain_pause = absl::ZeroDuration();
  };

  class Builder {
   public:
    explicit Builder(Options options);
    ~Builder();
    Builder(const Builder&) = delete;
    Builder& operator=(const Builder&) = delete;

    // Registers a unary method by its full name. The name must be a method of
    // the generated descriptors with these types, else Start() fails.
    template <typename Request, typename Response, typename Handler>
    Builder& Unary(absl::string_view method, Handler handler) {
      return RawUnary(
          method,
          [handler = std::move(handler)](
              CallContext& call, const RawMessage& in,
              RawMessage& out) -> Task<absl::Status> {
            Request request;
            if (absl::Status s = in.ParseTo(request); !s.ok()) co_return s;
            Response response;
            absl::Status status = co_await handler(call, request, response);
            if (status.ok()) out = RawMessage::Of(response);
            co_return status;
          },
          Request::descriptor()->full_name(),
          Response::descriptor()->full_name());
    }

    // The same for a coroutine that is a method of `object`, which must outlive
    // the server; the types follow from the method.
    template <typename Object, typename Request, typename Response>
    Builder& Unary(absl::string_view method, Object& object,
                   Task<absl::Status> (Object::*handler)(CallContext&,
                                                         const Request&,
                                                         Response&)) {
      return Unary<Request, Response>(
          method, [&object, handler](CallContext& call, const Request& request,
                                     Response& response) {
            return (object.*handler)(call, request, response);
          });
    }

    // One request, many responses. `handler(call, request, Writer&)`.
    template <typename Request, typename Response, typename Handler>
    Builder& ServerStreaming(absl::string_view method, Handler handler) {
      return RawStreaming(
          method,
          [handler = std::move(handler)](CallContext& call,
                                         RawStream& raw) -> Task<absl::Status> {
            Stream<Request, Response> stream(raw);
            auto request = co_await stream.Read();
            if (!request.ok()) co_return request.status();
            if (!request->has_value()) {
              co_return absl::InvalidArgumentError("request is missing");
            }
            Writer<Response> writer(raw);
            co_return co_await handler(call, **request, writer);
          },
          Request::descriptor()->full_name(),
          Response::descriptor()->full_name());
    }

    // Many requests, many responses. `handler(call, Stream&)`.
    template <typename Request, typename Response, typename Handler>
    Builder& Bidirectional(absl::string_view method, Handler handler) {
      return RawStreaming(
          method,
          [handler = std::move(handler)](CallContext& call,
                                         RawStream& raw) -> Task<absl::Status> {
            Stream<Request, Response> stream(raw);
            co_return co_await handler(call, stream);
          },
          Request::descriptor()->full_name(),
          Response::descriptor()->full_name());
    }

    // By bytes; the type names are checked against the descriptor.
    Builder& RawUnary(absl::string_view method, UnaryHandler handler,
                      absl::string_view request_type,
                      absl::string_view response_type);
    Builder& RawStreaming(absl::string_view method, StreamHandler handler,
                          absl::string_view request_type,
                          absl::string_view response_type);

    // All calls that name no registered method, by bytes in both directions;
    // what the gateway uses. Without one they are UNIMPLEMENTED.
    Builder& Fallback(StreamHandler handler);

    // A service that the fallback answers: health and reflection know of it.
    Builder& Announce(absl::string_view service);

    absl::StatusOr<std::unique_ptr<Server>> Start();

   private:
    friend class Server;
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };

  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Addresses in the order of Options::listen, with the port that was chosen.
  const std::vector<std::string>& addresses() const;

  // Readiness as grpc.health.v1 tells it for "" and every service. A new
  // server is NOT_SERVING; it answers calls all the same. Thread-safe.
  void SetServing(bool serving);

  // Says NOT_SERVING, waits `drain_pause`, refuses new calls, lets open ones
  // finish for `drain_grace`, ends what is left with UNAVAILABLE. Blocks; may
  // be called again.
  void Drain();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitra::rpc

#endif  // MITRA_COMMON_RPC_SERVER_H_
