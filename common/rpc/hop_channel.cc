#include "common/rpc/hop_channel.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/rpc/wire.h"
#include "common/status/errors.h"

namespace mitra::rpc::internal {
namespace {

constexpr absl::Duration kReconnectPause = absl::Milliseconds(100);
constexpr absl::Duration kSweepPeriod = absl::Milliseconds(5);

absl::Status LinkLost() {
  return MakeError(absl::StatusCode::kUnavailable, "LINK_LOST",
                   "the connection to the service was lost");
}

}  // namespace

// One life of the stream.
struct HopChannel::Link {
  grpc::ClientContext context;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream;
};

HopChannel::HopChannel(std::shared_ptr<grpc::Channel> channel,
                       grpc::CompletionQueue& queue)
    : stub_(std::move(channel)), queue_(queue) {}

Task<std::optional<absl::StatusOr<RawMessage>>> HopChannel::TryCall(
    CallContext& call, std::string method, RawMessage& request) {
  using Result = std::optional<absl::StatusOr<RawMessage>>;
  auto self = shared_from_this();
  auto start = [&, self](std::function<void(Result)> done) {
    const bool taken = self->Begin(call, method, request,
                                   [done](absl::StatusOr<RawMessage> result) {
                                     done(Result(std::move(result)));
                                   });
    if (!taken) done(std::nullopt);
  };
  co_return co_await Callback<Result>(start);
}

bool HopChannel::Begin(CallContext& call, const std::string& method,
                       const RawMessage& request, Done done) {
  std::shared_ptr<Link> writer;
  bool sweep = false;
  {
    absl::MutexLock lock(&mutex_);
    if (link_ == nullptr) Connect();
    if (stopped_ || link_ == nullptr || credit_ == 0 ||
        open_.size() >= credit_) {
      return false;
    }
    const uint64_t id = next_id_++;
    v1::HopFrame& frame = *pending_.add_frames();
    frame.set_call_id(id);
    v1::HopCall& body = *frame.mutable_call();
    body.set_method(method);
    body.set_timeout_us(
        std::max<int64_t>(1, absl::ToInt64Microseconds(call.remaining())));
    for (const auto& [key, value] : MetadataOf(call)) {
      (*body.mutable_metadata())[key] = value;
    }
    body.set_payload(request.ToString());
    open_.emplace(id, Open{&call, std::move(done)});
    if (!writing_) {
      writing_ = true;
      ++coroutines_;
      writer = link_;
    }
    if (!sweeping_) {
      sweeping_ = sweep = true;
      ++coroutines_;
    }
  }
  if (writer) Spawn(Write(shared_from_this(), std::move(writer)));
  if (sweep) Spawn(SweepLoop(shared_from_this()));
  return true;
}

void HopChannel::Connect() {
  if (stopped_ || absl::Now() < next_connect_) return;
  next_connect_ = absl::Now() + kReconnectPause;
  link_ = std::make_shared<Link>();
  credit_ = 0;
  ++coroutines_;
  // Not under the lock: the coroutine takes it.
  auto self = shared_from_this();
  auto link = link_;
  link->stream =
      stub_.PrepareCall(&link->context, "/mitra.v1.Hop/Exchange", &queue_);
  struct Start : CompletionTag {
    std::shared_ptr<HopChannel> self;
    std::shared_ptr<Link> link;
  };
  auto* start = new Start;
  start->self = std::move(self);
  start->link = link;
  start->run = [](CompletionTag* tag, bool) {
    std::unique_ptr<Start> owned(static_cast<Start*>(tag));
    Spawn(RunLink(owned->self, owned->link));
  };
  link->stream->StartCall(static_cast<CompletionTag*>(start));
}

Task<> HopChannel::RunLink(std::shared_ptr<HopChannel> self,
                           std::shared_ptr<Link> link) {
  for (;;) {
    RawMessage raw;
    const bool ok = co_await Await(
        [&](void* tag) { link->stream->Read(&raw.buffer(), tag); });
    if (!ok) break;
    v1::HopBatch batch;
    if (!raw.ParseTo(batch).ok()) {
      link->context.TryCancel();
      continue;
    }
    self->Take(batch);
  }
  self->Unlink(link);
  grpc::Status status;
  (void)co_await Await([&](void* tag) { link->stream->Finish(&status, tag); });
  self->FailAll(LinkLost());
  self->EndCoroutine();
}

bool HopChannel::NextBatch(const std::shared_ptr<Link>& link,
                           v1::HopBatch& batch) {
  absl::MutexLock lock(&mutex_);
  if (link_ != link || pending_.frames_size() == 0) {
    writing_ = false;
    --coroutines_;
    return false;
  }
  batch.Swap(&pending_);
  return true;
}

Task<> HopChannel::Write(std::shared_ptr<HopChannel> self,
                         std::shared_ptr<Link> link) {
  v1::HopBatch batch;
  while (self->NextBatch(link, batch)) {
    RawMessage raw = RawMessage::Of(batch);
    batch.Clear();
    // A failed write shows as the end of the reads, which fails all calls.
    (void)co_await Await(
        [&](void* tag) { link->stream->Write(raw.buffer(), tag); });
  }
}

void HopChannel::EndCoroutine() {
  absl::MutexLock lock(&mutex_);
  --coroutines_;
}

void HopChannel::Unlink(const std::shared_ptr<Link>& link) {
  absl::MutexLock lock(&mutex_);
  if (link_ == link) link_ = nullptr;
  credit_ = 0;
  pending_.Clear();
}

void HopChannel::Take(v1::HopBatch& batch) {
  std::vector<std::pair<Open, v1::HopReply*>> finished;
  {
    absl::MutexLock lock(&mutex_);
    if (batch.credit() > 0) credit_ = batch.credit();
    for (v1::HopFrame& frame : *batch.mutable_frames()) {
      if (!frame.has_reply()) continue;
      const auto it = open_.find(frame.call_id());
      if (it == open_.end()) continue;
      finished.emplace_back(std::move(it->second), frame.mutable_reply());
      open_.erase(it);
    }
  }
  for (auto& [open, reply] : finished) {
    for (const auto& [key, value] : reply->trailers()) {
      open.call->SetTrailer(key, value);
    }
    if (reply->has_status() && reply->status().code() != 0) {
      open.done(FromRpcStatus(reply->status()));
    } else {
      open.done(RawMessage(absl::string_view(reply->payload())));
    }
  }
}

void HopChannel::FailAll(const absl::Status& status) {
  std::vector<Done> finished;
  {
    absl::MutexLock lock(&mutex_);
    for (auto& [id, open] : open_) finished.push_back(std::move(open.done));
    open_.clear();
  }
  for (Done& done : finished) done(status);
}

void HopChannel::Sweep() {
  std::vector<std::pair<Done, absl::Status>> finished;
  {
    absl::MutexLock lock(&mutex_);
    for (auto it = open_.begin(); it != open_.end();) {
      absl::Status alive = it->second.call->CheckAlive();
      if (alive.ok()) {
        ++it;
        continue;
      }
      if (link_ != nullptr) {
        v1::HopFrame& frame = *pending_.add_frames();
        frame.set_call_id(it->first);
        frame.set_cancel(true);
      }
      finished.emplace_back(std::move(it->second.done), std::move(alive));
      open_.erase(it++);
    }
  }
  for (auto& [done, status] : finished) done(status);
}

Task<> HopChannel::SweepLoop(std::shared_ptr<HopChannel> self) {
  grpc::Alarm alarm;
  for (;;) {
    (void)co_await Await([&](void* tag) {
      alarm.Set(&self->queue_, absl::ToChronoTime(absl::Now() + kSweepPeriod),
                tag);
    });
    self->Sweep();
    std::shared_ptr<Link> writer;
    const bool end = self->EndSweep(writer);
    if (writer) Spawn(Write(self, std::move(writer)));
    if (end) co_return;
  }
}

bool HopChannel::EndSweep(std::shared_ptr<Link>& writer) {
  absl::MutexLock lock(&mutex_);
  // Cancel frames need a writer of their own when nobody else calls.
  if (!writing_ && link_ && pending_.frames_size() > 0) {
    writing_ = true;
    ++coroutines_;
    writer = link_;
  }
  if (!open_.empty()) return false;
  sweeping_ = false;
  --coroutines_;
  return true;
}

void HopChannel::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    if (link_) link_->context.TryCancel();
  }
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(
      +[](HopChannel* self)
           ABSL_NO_THREAD_SAFETY_ANALYSIS { return self->coroutines_ == 0; },
      this));
}

}  // namespace mitra::rpc::internal
