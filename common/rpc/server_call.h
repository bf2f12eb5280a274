// One call that a server has accepted, or waits for. Internal to common/rpc.

#ifndef MITRA_COMMON_RPC_SERVER_CALL_H_
#define MITRA_COMMON_RPC_SERVER_CALL_H_

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <optional>
#include <string>

#include "common/rpc/call_context.h"
#include "common/rpc/completion.h"
#include "common/rpc/raw_message.h"
#include "common/rpc/server.h"
#include "common/rpc/task.h"

namespace mitra::rpc::internal {

// Hears how many calls there are; outlives them.
class CallCounter {
 public:
  virtual ~CallCounter() = default;
  virtual void Count(int change) = 0;
};

// Alive until its coroutine and gRPC's notification of its end are both done:
// each releases it once.
class ServerCall final : public RawStream {
 public:
  explicit ServerCall(CallCounter& counter)
      : counted_(counter), stream_(&context_) {}

  // Waits for a call of `queue`. If none will come, Discard().
  void Request(grpc::AsyncGenericService& service,
               grpc::ServerCompletionQueue& queue, void* tag);
  void Discard() { delete this; }

  // Fills `call` from what came with it.
  void ReadContext(bool trust_identity);
  Task<std::optional<RawMessage>> Read() override;
  Task<bool> Write(RawMessage message) override;
  Task<bool> WriteLast(RawMessage message) override;
  // The trailers that were not sent yet, the last message if `status` is OK and
  // there is one, and the status.
  void Finish(const absl::Status& status, void* tag);

  // Breaks the call off.
  void TryCancel() { context_.TryCancel(); }
  void AddReference() { references_.fetch_add(1, std::memory_order_relaxed); }
  void Release() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 private:
  struct Counted {
    explicit Counted(CallCounter& to) : counter(to) { counter.Count(+1); }
    ~Counted() { counter.Count(-1); }
    CallCounter& counter;
  };
  struct DoneTag : CompletionTag {
    ServerCall* owner = nullptr;
  };
  ~ServerCall() override = default;
  void AddTrailer(const std::string& key, const std::string& value);

  // The first member, so that it goes last.
  const Counted counted_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_;

 public:
  CallContext call;
  // What goes out together with the status.
  std::optional<RawMessage> last;

 private:
  DoneTag done_;
  std::atomic<int> references_{2};
  bool writing_ = false;
  size_t trailers_sent_ = 0;
};

}  // namespace mitra::rpc::internal

#endif  // MITRA_COMMON_RPC_SERVER_CALL_H_
