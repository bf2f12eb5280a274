#include "common/rpc/hop_session.h"

#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/wire.h"
#include "common/status/errors.h"
#include "mitra/v1/hop.pb.h"

namespace mitra::rpc::internal {
namespace {

// Shared by the reader and by all open calls of one stream.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(RawStream& stream, const UnaryRunner& runner, uint32_t credit,
          bool trust_identity)
      : stream_(stream),
        runner_(runner),
        credit_(credit),
        trust_identity_(trust_identity) {}

  void Greet() {
    {
      absl::MutexLock lock(&mutex_);
      pending_.set_credit(credit_);
    }
    Flush();
  }

  void Take(v1::HopFrame& frame) {
    const uint64_t id = frame.call_id();
    if (frame.cancel()) {
      std::shared_ptr<CallContext> cancelled;
      {
        absl::MutexLock lock(&mutex_);
        if (auto it = open_.find(id); it != open_.end()) cancelled = it->second;
      }
      // Without the lock: cancelling may resume the handler right here.
      if (cancelled) cancelled->Cancel();
      return;
    }
    if (!frame.has_call()) return;
    auto call = std::make_shared<CallContext>();
    bool refused = false;
    {
      absl::MutexLock lock(&mutex_);
      refused = open_.size() >= credit_;
      if (!refused) open_.emplace(id, call);
    }
    if (refused) {
      Reply(id, *call,
            MakeError(absl::StatusCode::kResourceExhausted, "NO_CREDIT",
                      "too many calls on this stream"),
            RawMessage());
      return;
    }
    Spawn(Run(shared_from_this(), std::move(call), id,
              std::move(*frame.mutable_call())));
  }

  void CancelAll() {
    std::vector<std::shared_ptr<CallContext>> calls;
    {
      absl::MutexLock lock(&mutex_);
      for (auto& [id, call] : open_) calls.push_back(call);
    }
    for (auto& call : calls) call->Cancel();
  }

  // Resumes when no call is open and everything is written.
  static Task<> Idle(std::shared_ptr<Session> self) {
    auto start = [self](std::function<void(bool)> done) {
      bool now = false;
      {
        absl::MutexLock lock(&self->mutex_);
        now = self->IsIdle();
        if (!now) self->idle_ = done;
      }
      if (now) done(true);
    };
    (void)co_await Callback<bool>(start);
  }

 private:
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return open_.empty() && !writing_ && pending_.frames_size() == 0;
  }

  static Task<> Run(std::shared_ptr<Session> self,
                    std::shared_ptr<CallContext> call, uint64_t id,
                    v1::HopCall frame) {
    call->method = frame.method();
    call->deadline = absl::Now() + absl::Microseconds(frame.timeout_us());
    for (const auto& [key, value] : frame.metadata()) {
      ReadMetadata(key, value, self->trust_identity_, *call);
    }
    const RawMessage request{absl::string_view(frame.payload())};
    RawMessage response;
    const absl::Status status =
        co_await self->runner_(*call, request, response);
    self->Reply(id, *call, status, response);
  }

  void Reply(uint64_t id, const CallContext& call, const absl::Status& status,
             const RawMessage& response) {
    v1::HopFrame frame;
    frame.set_call_id(id);
    v1::HopReply& reply = *frame.mutable_reply();
    if (status.ok()) {
      *reply.mutable_payload() = response.ToString();
    } else {
      *reply.mutable_status() = ToRpcStatus(status);
    }
    for (const auto& [key, value] : call.trailers()) {
      (*reply.mutable_trailers())[key] = value;
    }
    {
      absl::MutexLock lock(&mutex_);
      *pending_.add_frames() = std::move(frame);
      open_.erase(id);
    }
    Flush();
  }

  // Starts the writer if there is something to write and it is not running.
  void Flush() {
    {
      absl::MutexLock lock(&mutex_);
      if (writing_) return;
      writing_ = true;
    }
    Spawn(Write(shared_from_this()));
  }

  // What is to be written next; false, after telling who waits for it, when
  // there is nothing.
  bool NextBatch(v1::HopBatch& batch) {
    std::function<void(bool)> idle;
    {
      absl::MutexLock lock(&mutex_);
      if (broken_) pending_.Clear();
      if (pending_.frames_size() > 0 || pending_.credit() > 0) {
        batch.Swap(&pending_);
        return true;
      }
      writing_ = false;
      if (IsIdle()) idle = std::exchange(idle_, nullptr);
    }
    if (idle) idle(true);
    return false;
  }

  void Break() {
    absl::MutexLock lock(&mutex_);
    broken_ = true;
  }

  static Task<> Write(std::shared_ptr<Session> self) {
    v1::HopBatch batch;
    while (self->NextBatch(batch)) {
      RawMessage raw = RawMessage::Of(batch);
      batch.Clear();
      const bool written = co_await self->stream_.Write(std::move(raw));
      if (!written) self->Break();
    }
  }

  RawStream& stream_;
  const UnaryRunner& runner_;
  const uint32_t credit_;
  const bool trust_identity_;
  absl::Mutex mutex_;
  v1::HopBatch pending_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<uint64_t, std::shared_ptr<CallContext>> open_
      ABSL_GUARDED_BY(mutex_);
  std::function<void(bool)> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

Task<absl::Status> ServeHop(CallContext& call, RawStream& stream,
                            const UnaryRunner& runner, uint32_t credit,
                            bool trust_identity) {
  auto session =
      std::make_shared<Session>(stream, runner, credit, trust_identity);
  session->Greet();
  absl::Status result = absl::OkStatus();
  for (;;) {
    std::optional<RawMessage> raw = co_await stream.Read();
    if (!raw) break;
    v1::HopBatch batch;
    result = raw->ParseTo(batch);
    if (!result.ok()) break;
    for (v1::HopFrame& frame : *batch.mutable_frames()) session->Take(frame);
  }
  if (!result.ok() || call.cancelled()) session->CancelAll();
  co_await Session::Idle(session);
  co_return result;
}

}  // namespace mitra::rpc::internal
