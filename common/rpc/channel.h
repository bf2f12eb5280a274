// A client's link to one service: one long-lived connection per target, with
// settings that match the server's.

#ifndef MITRA_COMMON_RPC_CHANNEL_H_
#define MITRA_COMMON_RPC_CHANNEL_H_

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

namespace grpc {
class Channel;
}

namespace mitra::rpc {

// The client's side of one streaming call, by bytes. One read and one write may
// be pending at a time. After Read() gave nothing, Finish() tells why; Finish()
// must be awaited before the stream is destroyed.
class RawClientStream {
 public:
  virtual ~RawClientStream() = default;
  // False: the call is over.
  virtual Task<bool> Write(RawMessage message) = 0;
  virtual Task<bool> WritesDone() = 0;
  virtual Task<std::optional<RawMessage>> Read() = 0;
  virtual Task<absl::Status> Finish() = 0;
  // Ends the call early; thread-safe.
  virtual void Cancel() = 0;
  // Trailing metadata under mitra-* names; valid after Finish().
  virtual const std::vector<std::pair<std::string, std::string>>& trailers()
      const = 0;
};

// Thread-safe. A call that starts on a server's completion-queue thread goes
// out and resumes there; any other resumes on a thread of the channel's own.
class Channel {
 public:
  struct Options {
    // Unary calls share one batched stream (proto/mitra/v1/hop.proto); falls
    // back to plain calls while the stream cannot be had.
    bool batched = false;
    // Unary calls that start on other threads resume on the server's thread
    // too, which saves a change of threads; for those who do little afterwards.
    bool resume_on_queue = false;
    int max_message_bytes = 16 << 20;
    // Certificates for every target but unix sockets; checked by
    // CheckTlsFiles() before.
    TlsFiles tls = {};
  };

  // `target`: "127.0.0.1:1234", "unix:/path", "dns:///host:port".
  static std::shared_ptr<Channel> Create(const std::string& target,
                                         const Options& options);
  static std::shared_ptr<Channel> Create(const std::string& target) {
    return Create(target, Options());
  }
  virtual ~Channel() = default;

  // Calls a unary method with the rest of `call`'s deadline, its identity and
  // its trace. Errors come back with their details. Cancelled when `call` is.
  // Trailers of the answer that begin with "mitra-" are set on `call`.
  virtual Task<absl::StatusOr<RawMessage>> CallRaw(CallContext& call,
                                                   std::string method,
                                                   RawMessage request) = 0;

  template <typename Response, typename Request>
  Task<absl::StatusOr<Response>> Call(CallContext& call, std::string method,
                                      const Request& request) {
    return Parse<Response>(
        CallRaw(call, std::move(method), RawMessage::Of(request)));
  }

  // Opens a streaming call under `call`'s deadline and identity, which must
  // outlive the stream. A call that cannot be opened gives a stream whose
  // Read() ends at once.
  virtual Task<std::unique_ptr<RawClientStream>> OpenStream(
      CallContext& call, std::string method) = 0;

  // The connection itself, for generated stubs and streams.
  virtual std::shared_ptr<grpc::Channel> grpc_channel() = 0;

 private:
  template <typename Response>
  static Task<absl::StatusOr<Response>> Parse(
      Task<absl::StatusOr<RawMessage>> pending) {
    absl::StatusOr<RawMessage> raw = co_await std::move(pending);
    if (!raw.ok()) co_return raw.status();
    Response response;
    if (absl::Status s = raw->ParseTo(response); !s.ok()) co_return s;
    co_return response;
  }
};

}  // namespace mitra::rpc

#endif  // MITRA_COMMON_RPC_CHANNEL_H_
