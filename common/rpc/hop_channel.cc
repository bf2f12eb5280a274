#include "common/rpc/hop_channel.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/rpc/hop_memory.h"
#include "common/rpc/turn.h"
#include "common/rpc/wire.h"
#include "common/status/errors.h"
#include "google/rpc/status.pb.h"

namespace mitra::rpc::internal {
namespace {

constexpr absl::Duration kReconnectPause = absl::Milliseconds(100);
constexpr absl::Duration kSweepPeriod = absl::Milliseconds(5);

absl::Status LinkLost() {
  return MakeError(absl::StatusCode::kUnavailable, "LINK_LOST",
                   "the connection to the service was lost");
}

absl::StatusOr<RawMessage> ResultOf(HopFrameView& frame) {
  if (frame.kind == HopFrameView::Kind::kAnswer) {
    return std::move(frame.payload);
  }
  google::rpc::Status status;
  if (!status.ParseFromArray(frame.status.data(),
                             static_cast<int>(frame.status.size()))) {
    return absl::InternalError("hop: an error that is none");
  }
  if (status.code() == 0) return std::move(frame.payload);
  return FromRpcStatus(status);
}

}  // namespace

// One life of the stream.
struct HopChannel::Link {
  grpc::ClientContext context;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream;
  KeptAnswers kept;
};

namespace {

// Puts what is kept in the place of its number, and keeps what is to be; false
// if the server names what it never sent. All frames count, also those whose
// calls nobody waits for any more.
bool Remember(KeptAnswers& kept, HopBatchView& batch) {
  const absl::Time now = absl::Now();
  return std::all_of(
      batch.frames().begin(), batch.frames().end(), [&](HopFrameView& frame) {
        if (frame.keep_as != 0) {
          return kept.Keep(frame.keep_as, frame.payload, now);
        }
        return frame.kept == 0 || kept.Find(frame.kept, frame.payload);
      });
}

}  // namespace

HopChannel::HopChannel(std::shared_ptr<grpc::Channel> channel,
                       grpc::CompletionQueue& queue)
    : stub_(std::move(channel)), queue_(queue) {}

bool HopChannel::Begin(const std::string& method, const RawMessage& request,
                       Open& open) {
  const CallContext& call = open.call;
  std::string scratch;
  const MetadataViews metadata = MetadataOf(call, scratch);
  const int64_t timeout_us =
      std::max<int64_t>(1, absl::ToInt64Microseconds(call.remaining()));
  std::shared_ptr<HopChannel> self = shared_from_this();
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
    pending_.AddCall(id, method, static_cast<uint64_t>(timeout_us), metadata,
                     request);
    open_.emplace(id, &open);
    // Calls of the same turn leave together, whichever thread's turn ends
    // first: none waits for a thread that may have been put aside.
    bool waits = writing_;
    if (!writing_ && pending_.frames() < kFullBatch) {
      const std::thread::id here = std::this_thread::get_id();
      waits = flusher_ == here || AtEndOfTurn([self] { self->Flush(); });
      if (waits) flusher_ = here;
    }
    if (!waits) {
      writing_ = true;
      ++coroutines_;
      writer = link_;
    }
    if (!sweeping_) {
      sweeping_ = sweep = true;
      ++coroutines_;
    }
  }
  // From here on `open` belongs to whoever ends the call.
  if (writer) Spawn(Write(self, std::move(writer)));
  if (sweep) Spawn(SweepLoop(std::move(self)));
  return true;
}

void HopChannel::Flush() {
  std::shared_ptr<Link> writer;
  {
    absl::MutexLock lock(&mutex_);
    flusher_ = std::thread::id();
    if (writing_ || credit_ == 0 || pending_.empty()) return;
    writing_ = true;
    ++coroutines_;
    writer = link_;
  }
  Spawn(Write(shared_from_this(), std::move(writer)));
}

void HopChannel::Connect() {
  if (stopped_ || absl::Now() < next_connect_) return;
  next_connect_ = absl::Now() + kReconnectPause;
  link_ = std::make_shared<Link>();
  credit_ = 0;
  pending_.SetKeeps(kMostKept);
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
  HandOver(static_cast<CompletionTag*>(start));
  link->stream->StartCall(static_cast<CompletionTag*>(start));
}

Task<> HopChannel::RunLink(std::shared_ptr<HopChannel> self,
                           std::shared_ptr<Link> link) {
  for (;;) {
    RawMessage raw;
    const bool ok = co_await Await(
        [&](void* tag) { link->stream->Read(&raw.buffer(), tag); });
    if (!ok) break;
    HopBatchView batch;
    if (!batch.Read(raw) || !Remember(link->kept, batch)) {
      link->context.TryCancel();
      continue;
    }
    Turn turn;
    for (const auto& [open, frame] : self->Take(batch)) {
      for (const auto& [key, value] : frame->texts) {
        open->call.SetTrailer(std::string(key), std::string(value));
      }
      open->result = ResultOf(*frame);
      open->waiter.resume();
      // What was resumed may have been long work.
      if (turn.over()) {
        co_await Yield();
        turn.Restart();
      }
    }
  }
  self->Unlink(link);
  grpc::Status status;
  (void)co_await Await([&](void* tag) { link->stream->Finish(&status, tag); });
  self->FailAll(LinkLost());
  self->EndCoroutine();
}

bool HopChannel::NextBatch(const std::shared_ptr<Link>& link,
                           RawMessage& batch) {
  absl::MutexLock lock(&mutex_);
  if (link_ != link || pending_.empty()) {
    writing_ = false;
    --coroutines_;
    return false;
  }
  batch = pending_.Take();
  return true;
}

Task<> HopChannel::Write(std::shared_ptr<HopChannel> self,
                         std::shared_ptr<Link> link) {
  RawMessage batch;
  while (self->NextBatch(link, batch)) {
    // A failed write shows as the end of the reads, which fails all calls.
    (void)co_await Await(
        [&](void* tag) { link->stream->Write(batch.buffer(), tag); });
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

std::vector<std::pair<HopChannel::Open*, HopFrameView*>> HopChannel::Take(
    HopBatchView& batch) {
  std::vector<std::pair<Open*, HopFrameView*>> finished;
  finished.reserve(batch.frames().size());
  {
    absl::MutexLock lock(&mutex_);
    if (batch.credit() > 0) credit_ = batch.credit();
    for (HopFrameView& frame : batch.frames()) {
      if (frame.kind != HopFrameView::Kind::kAnswer &&
          frame.kind != HopFrameView::Kind::kError) {
        continue;
      }
      const auto it = open_.find(frame.id);
      if (it == open_.end()) continue;
      finished.emplace_back(it->second, &frame);
      open_.erase(it);
    }
  }
  return finished;
}

void HopChannel::FailAll(const absl::Status& status) {
  Finished finished;
  {
    absl::MutexLock lock(&mutex_);
    for (auto& [id, open] : open_) finished.push_back(open);
    open_.clear();
  }
  for (Open* open : finished) {
    open->result = status;
    open->waiter.resume();
  }
}

void HopChannel::Sweep() {
  Finished finished;
  {
    absl::MutexLock lock(&mutex_);
    for (auto it = open_.begin(); it != open_.end();) {
      absl::Status alive = it->second->call.CheckAlive();
      if (alive.ok()) {
        ++it;
        continue;
      }
      if (link_ != nullptr) pending_.AddCancel(it->first);
      it->second->result = std::move(alive);
      finished.push_back(it->second);
      open_.erase(it++);
    }
  }
  for (Open* open : finished) open->waiter.resume();
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
  if (!writing_ && credit_ > 0 && !pending_.empty()) {
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
