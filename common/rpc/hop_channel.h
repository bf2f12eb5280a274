// The client's side of a batched stream: many calls share one stream
// (proto/mitra/v1/hop.proto). Internal to common/rpc.

#ifndef MITRA_COMMON_RPC_HOP_CHANNEL_H_
#define MITRA_COMMON_RPC_HOP_CHANNEL_H_

#include <grpcpp/alarm.h>
#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <coroutine>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/call_context.h"
#include "common/rpc/completion.h"
#include "common/rpc/hop_codec.h"
#include "common/rpc/raw_message.h"
#include "common/rpc/task.h"

namespace mitra::rpc::internal {

// Keeps one stream to `channel` and opens it again, with back-off, when it
// breaks. Thread-safe. `queue` must be served until Stop() has returned and the
// queue is drained.
class HopChannel : public std::enable_shared_from_this<HopChannel> {
 public:
  HopChannel(std::shared_ptr<grpc::Channel> channel,
             grpc::CompletionQueue& queue);

  class Call;

  // Fails open calls with UNAVAILABLE and takes no more. Blocks until the
  // stream's operations are over.
  void Stop();

 private:
  // A call on its way; lives in the frame of the coroutine that made it.
  struct Open {
    CallContext& call;
    std::optional<absl::StatusOr<RawMessage>> result;
    std::coroutine_handle<> waiter;
  };
  using Finished = std::vector<Open*>;
  struct Link;

  // Starts a call on the stream; false if it cannot be taken. The call may be
  // over, and `open` gone, before this returns.
  bool Begin(const std::string& method, const RawMessage& request, Open& open);
  // Starts the writer if there is something to write and it is not running.
  void Flush();
  void Connect() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static Task<> RunLink(std::shared_ptr<HopChannel> self,
                        std::shared_ptr<Link> link);
  static Task<> Write(std::shared_ptr<HopChannel> self,
                      std::shared_ptr<Link> link);
  // Steps of the coroutines that need the lock; a lock is never held in a
  // coroutine's frame.
  bool NextBatch(const std::shared_ptr<Link>& link, RawMessage& batch);
  void Unlink(const std::shared_ptr<Link>& link);
  void EndCoroutine();
  // True at the end of the sweeping; sets `writer` if one must be started.
  bool EndSweep(std::shared_ptr<Link>& writer);
  std::vector<std::pair<Open*, HopFrameView*>> Take(HopBatchView& batch);
  void FailAll(const absl::Status& status);
  // Ends calls whose deadline has passed or whose caller is gone.
  void Sweep();
  static Task<> SweepLoop(std::shared_ptr<HopChannel> self);

  grpc::GenericStub stub_;
  grpc::CompletionQueue& queue_;
  absl::Mutex mutex_;
  std::shared_ptr<Link> link_ ABSL_GUARDED_BY(mutex_);  // null: not connected
  uint32_t credit_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: greeting not seen yet
  HopBatchWriter pending_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  // Whose turn flushes at its end, of several the last; none: nobody's.
  std::thread::id flusher_ ABSL_GUARDED_BY(mutex_);
  bool sweeping_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  int coroutines_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  absl::Time next_connect_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::flat_hash_map<uint64_t, Open*> open_ ABSL_GUARDED_BY(mutex_);
};

// One try to make a call on the stream; all that is given outlives it.
//
//   HopChannel::Call on_stream(hop, call, method, request);
//   co_await on_stream;
//   if (on_stream.result()) …
class HopChannel::Call {
 public:
  Call(HopChannel& channel, CallContext& call, const std::string& method,
       const RawMessage& request)
      : channel_(channel),
        method_(method),
        request_(request),
        open_{.call = call} {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> caller) {
    open_.waiter = caller;
    return channel_.Begin(method_, request_, open_);
  }
  void await_resume() const noexcept {}

  // Nothing if the stream could not take the call (not connected, no credit):
  // then the caller makes a plain call.
  std::optional<absl::StatusOr<RawMessage>>& result() { return open_.result; }

 private:
  HopChannel& channel_;
  const std::string& method_;
  const RawMessage& request_;
  Open open_;
};

}  // namespace mitra::rpc::internal

#endif  // MITRA_COMMON_RPC_HOP_CHANNEL_H_
