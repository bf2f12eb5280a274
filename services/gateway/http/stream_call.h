// A streaming method over HTTP: what comes in is one message or lines of JSON,
// what goes out is lines of JSON (application/x-ndjson) or server-sent events.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_STREAM_CALL_H_
#define MITRA_SERVICES_GATEWAY_HTTP_STREAM_CALL_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/rpc/call_context.h"
#include "common/rpc/raw_message.h"
#include "common/rpc/server.h"
#include "common/rpc/task.h"
#include "services/gateway/edge/admission.h"
#include "services/gateway/http/chunk_pipe.h"
#include "services/gateway/http/http_server.h"
#include "services/gateway/http/request_source.h"
#include "services/gateway/http/stream_cursor.h"
#include "services/gateway/proxy/forwarder.h"
#include "services/gateway/proxy/method_table.h"

namespace mitra::gateway {

// One call. Shared by the coroutine that runs it and the answer that is being
// sent, whichever lives longer.
class StreamCall final : public rpc::RawStream,
                         public HttpBody,
                         public std::enable_shared_from_this<StreamCall> {
 public:
  enum class Form { kLines, kEvents };

  StreamCall(const Method& method, Form form,
             std::unique_ptr<RequestSource> requests)
      : method_(method),
        form_(form),
        cursor_(*method.descriptor),
        requests_(std::move(requests)) {}

  // For Forwarder::Enter(), before Start().
  rpc::CallContext& call() { return call_; }

  // Runs the call; `ended` is told once how it ended, on any thread.
  void Start(Forwarder& forwarder, Admission::Ticket ticket,
             std::function<void(const absl::Status&)> ended);

  // Waits for the first answer. The error if the call ended with one before
  // that; afterwards it stands in the stream, as {"error":{…}} on a line of its
  // own or as an event named "error".
  rpc::Task<absl::Status> First();

  // Says that the stream is alive if it was silent since the last time; only
  // events have a form for that. Thread-safe.
  void Beat();

  // HttpBody.
  rpc::Task<std::optional<std::string>> Next() override;
  void Abandon() override;

  // rpc::RawStream, for the forwarder.
  rpc::Task<std::optional<rpc::RawMessage>> Read() override;
  rpc::Task<bool> Write(rpc::RawMessage message) override;

 private:
  static rpc::Task<> Run(std::shared_ptr<StreamCall> self, Forwarder& forwarder,
                         std::function<void(const absl::Status&)> ended);
  // A message or an error as a piece of the answer; `event` and `id` may be
  // empty.
  std::string Format(absl::string_view json, absl::string_view event,
                     absl::string_view id) const;

  const Method& method_;
  const Form form_;
  const StreamCursor cursor_;
  const std::unique_ptr<RequestSource> requests_;
  rpc::CallContext call_;
  Admission::Ticket ticket_;
  ChunkPipe pipe_;
  std::optional<std::string> first_;
  bool error_told_ = false;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_STREAM_CALL_H_
