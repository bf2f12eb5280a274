#include "common/rpc/hop_session.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/completion.h"
#include "common/rpc/hop_codec.h"
#include "common/rpc/hop_memory.h"
#include "common/rpc/turn.h"
#include "common/rpc/wire.h"
#include "common/status/errors.h"
#include "google/rpc/status.pb.h"

namespace mitra::rpc::internal {
namespace {

constexpr uint64_t kMaxTimeoutUs = 86'400'000'000;  // a day

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
      pending_.SetCredit(credit_);
    }
    Flush();
  }

  // Begins the calls of a batch.
  static Task<> Take(std::shared_ptr<Session> self, HopBatchView& batch) {
    if (batch.keeps() > 0) self->SetKeeps(batch.keeps());
    Turn turn;
    for (HopFrameView& frame : batch.frames()) {
      self->Take(frame);
      if (!turn.over()) continue;
      co_await Yield();
      turn.Restart();
    }
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
    return open_.empty() && !writing_ && pending_.empty();
  }

  void SetKeeps(uint32_t numbers) {
    absl::MutexLock lock(&mutex_);
    sent_.SetCapacity(numbers);
  }

  void Take(HopFrameView& frame) {
    if (frame.kind == HopFrameView::Kind::kCancel) {
      std::shared_ptr<CallContext> cancelled;
      {
        absl::MutexLock lock(&mutex_);
        auto it = open_.find(frame.id);
        if (it != open_.end()) cancelled = it->second;
      }
      // Without the lock: cancelling may resume the handler right here.
      if (cancelled) cancelled->Cancel();
      return;
    }
    if (frame.kind != HopFrameView::Kind::kCall) return;
    auto call = std::make_shared<CallContext>();
    bool refused = false;
    {
      absl::MutexLock lock(&mutex_);
      refused = open_.size() >= credit_;
      if (!refused) open_.emplace(frame.id, call);
    }
    if (refused) {
      Reply(frame.id, *call,
            MakeError(absl::StatusCode::kResourceExhausted, "NO_CREDIT",
                      "too many calls on this stream"),
            RawMessage());
      return;
    }
    call->method = std::string(frame.method);
    call->deadline =
        absl::Now() + absl::Microseconds(static_cast<int64_t>(
                          std::min<uint64_t>(frame.timeout_us, kMaxTimeoutUs)));
    for (const auto& [key, value] : frame.texts) {
      if (trust_identity_ && key == kIdentityKey) {
        call->identity = IdentityOf(value);
      } else {
        ReadMetadata(key, value, trust_identity_, *call);
      }
    }
    Spawn(Run(shared_from_this(), std::move(call), frame.id,
              std::move(frame.payload)));
  }

  // Most calls of a stream come from who made the one before.
  const Identity& IdentityOf(absl::string_view value) {
    if (value != identity_text_) {
      identity_ = DecodeIdentity(value);
      identity_text_ = std::string(value);
    }
    return identity_;
  }

  static Task<> Run(std::shared_ptr<Session> self,
                    std::shared_ptr<CallContext> call, uint64_t id,
                    RawMessage request) {
    RawMessage response;
    const absl::Status status =
        co_await self->runner_(*call, request, response);
    self->Reply(id, *call, status, response);
  }

  void Reply(uint64_t id, const CallContext& call, const absl::Status& status,
             const RawMessage& response) {
    std::string error;
    if (!status.ok()) error = ToRpcStatus(status).SerializeAsString();
    {
      absl::MutexLock lock(&mutex_);
      if (status.ok()) {
        AddAnswer(id, call, response);
      } else {
        pending_.AddError(id, error, call.trailers());
      }
      open_.erase(id);
    }
    FlushSoon();
  }

  void AddAnswer(uint64_t id, const CallContext& call,
                 const RawMessage& response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    SentAnswers::Place place;
    if (response.identity() != 0) {
      place = sent_.Of(response.identity(), response.size(), absl::Now());
    }
    if (place.there) {
      pending_.AddKept(id, place.number, call.trailers());
    } else {
      pending_.AddAnswer(id, response, call.trailers(), place.number);
    }
  }

  // Answers of the same turn leave together, unless they are many already.
  void FlushSoon() {
    {
      absl::MutexLock lock(&mutex_);
      if (writing_) return;
      if (pending_.frames() < kFullBatch) {
        if (!flushing_) {
          flushing_ =
              AtEndOfTurn([self = shared_from_this()] { self->EndTurn(); });
        }
        if (flushing_) return;
      }
    }
    Flush();
  }

  void EndTurn() {
    {
      absl::MutexLock lock(&mutex_);
      flushing_ = false;
    }
    Flush();
  }

  // Starts the writer if there is something to write and it is not running.
  void Flush() {
    {
      absl::MutexLock lock(&mutex_);
      if (writing_ || pending_.empty()) return;
      writing_ = true;
    }
    Spawn(Write(shared_from_this()));
  }

  // What is to be written next; false, after telling who waits for it, when
  // there is nothing.
  bool NextBatch(RawMessage& batch) {
    std::function<void(bool)> idle;
    {
      absl::MutexLock lock(&mutex_);
      if (broken_) pending_.Clear();
      if (!pending_.empty()) {
        batch = pending_.Take();
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
    RawMessage batch;
    while (self->NextBatch(batch)) {
      const bool written = co_await self->stream_.Write(std::move(batch));
      if (!written) self->Break();
    }
  }

  RawStream& stream_;
  const UnaryRunner& runner_;
  const uint32_t credit_;
  const bool trust_identity_;
  // Of the last call; the reader's alone.
  std::string identity_text_;
  Identity identity_;
  absl::Mutex mutex_;
  HopBatchWriter pending_ ABSL_GUARDED_BY(mutex_);
  SentAnswers sent_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool flushing_ ABSL_GUARDED_BY(mutex_) = false;  // at the end of the turn
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
    HopBatchView batch;
    if (!batch.Read(*raw)) {
      result = MakeError(absl::StatusCode::kInvalidArgument,
                         "MALFORMED_MESSAGE", "not a batch of calls");
      break;
    }
    co_await Session::Take(session, batch);
  }
  if (!result.ok()) session->CancelAll();
  // The reads of a stream that was cut may end before the news that it was cut:
  // then its calls are cancelled while they are waited for.
  const std::function<void()> cancel = [session] { session->CancelAll(); };
  const uint64_t hook = call.AddCancelHook(cancel);
  co_await Session::Idle(session);
  call.RemoveCancelHook(hook);
  co_return result;
}

}  // namespace mitra::rpc::internal
