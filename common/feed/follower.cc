#include "common/feed/follower.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/observability/log.h"
#include "common/status/status_macros.h"

namespace mitra::feed {

struct Follower::State {
  State(std::unique_ptr<FeedSource> given, FeedSink& sink_ref, Options opts)
      : source(std::move(given)), sink(sink_ref), options(std::move(opts)) {}

  struct Waiter {
    uint64_t revision = 0;
    absl::Time deadline;
    std::function<void(bool)> done;
  };

  const std::unique_ptr<FeedSource> source;
  FeedSink& sink;
  const Options options;

  mutable absl::Mutex mutex;
  Position position ABSL_GUARDED_BY(mutex);
  uint64_t head ABSL_GUARDED_BY(mutex) = 0;
  uint64_t head_at_start ABSL_GUARDED_BY(mutex) = 0;
  bool seen_head ABSL_GUARDED_BY(mutex) = false;
  bool ready ABSL_GUARDED_BY(mutex) = false;
  bool connected ABSL_GUARDED_BY(mutex) = false;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  absl::Status status ABSL_GUARDED_BY(mutex);
  std::vector<Waiter> waiters ABSL_GUARDED_BY(mutex);
  absl::CondVar waiters_changed;

  std::thread follow_thread;
  std::thread waiter_thread;

  bool Stopping() const {
    absl::MutexLock lock(&mutex);
    return stopping;
  }

  void SeeHeader(const v1::FeedHeader& header) {
    absl::MutexLock lock(&mutex);
    connected = true;
    head = std::max(head, header.head_revision());
    if (!seen_head) {
      seen_head = true;
      head_at_start = header.head_revision();
    }
  }

  // Makes `watermark` the position and wakes who waited for it.
  void Advance(uint64_t incarnation, uint64_t watermark) {
    std::vector<std::function<void(bool)>> reached;
    {
      absl::MutexLock lock(&mutex);
      position = {incarnation, watermark};
      head = std::max(head, watermark);
      ready = ready || (seen_head && watermark >= head_at_start);
      auto keep = std::partition(
          waiters.begin(), waiters.end(),
          [&](const Waiter& w) { return w.revision > watermark; });
      for (auto it = keep; it != waiters.end(); ++it) {
        reached.push_back(std::move(it->done));
      }
      waiters.erase(keep, waiters.end());
    }
    for (auto& done : reached) done(true);
  }

  // Ends waiters whose deadline has passed; all of them when stopping.
  void RunWaiters() {
    for (;;) {
      std::vector<std::function<void(bool)>> ended;
      bool stop = false;
      {
        absl::MutexLock lock(&mutex);
        absl::Time next = absl::InfiniteFuture();
        for (const Waiter& w : waiters) next = std::min(next, w.deadline);
        if (!stopping && next > absl::Now()) {
          waiters_changed.WaitWithDeadline(&mutex, next);
        }
        stop = stopping;
        const absl::Time now = absl::Now();
        auto keep = std::partition(
            waiters.begin(), waiters.end(),
            [&](const Waiter& w) { return !stop && w.deadline > now; });
        for (auto it = keep; it != waiters.end(); ++it) {
          ended.push_back(std::move(it->done));
        }
        waiters.erase(keep, waiters.end());
      }
      for (auto& done : ended) done(false);
      if (stop) return;
    }
  }

  // Pauses before the next attempt; returns early when stopping.
  void BackOff(absl::Duration& pause) {
    absl::MutexLock lock(&mutex);
    connected = false;
    mutex.AwaitWithTimeout(absl::Condition(&stopping), pause);
    pause = std::min(pause * 2, options.max_backoff);
  }
};

namespace {

// A transport failure is tried again; a sink's failure ends the follower.
struct Outcome {
  absl::Status transport = absl::OkStatus();
  absl::Status sink = absl::OkStatus();
};

absl::Status ApplyAll(
    FeedSink& sink,
    const google::protobuf::RepeatedPtrField<v1::Change>& changes) {
  for (const v1::Change& change : changes) {
    MITRA_RETURN_IF_ERROR(sink.Apply(change));
  }
  return absl::OkStatus();
}

}  // namespace

Follower::Follower(std::unique_ptr<FeedSource> source, FeedSink& sink,
                   Options options)
    : state_(std::make_unique<State>(std::move(source), sink,
                                     std::move(options))) {
  absl::MutexLock lock(&state_->mutex);
  state_->position = state_->options.start;
}

Follower::~Follower() { Stop(); }

void Follower::Start() {
  state_->follow_thread = std::thread([this] { Run(); });
  state_->waiter_thread = std::thread([this] { state_->RunWaiters(); });
}

void Follower::Stop() {
  {
    absl::MutexLock lock(&state_->mutex);
    state_->stopping = true;
    state_->waiters_changed.SignalAll();
  }
  state_->source->Stop();
  if (state_->follow_thread.joinable()) state_->follow_thread.join();
  if (state_->waiter_thread.joinable()) state_->waiter_thread.join();
}

void Follower::Run() {
  State& s = *state_;
  absl::Duration pause = s.options.min_backoff;

  // Reads the whole snapshot; a page that fails is asked for again.
  const auto bootstrap = [&]() -> Outcome {
    v1::ReadSnapshotRequest request;
    *request.mutable_selector() = s.options.selector;
    v1::FeedHeader first;
    uint64_t start_revision = 0;
    for (;;) {
      auto page = s.source->ReadSnapshot(request);
      if (!page.ok()) {
        if (s.Stopping() || absl::IsInvalidArgument(page.status())) {
          return {.transport = page.status()};
        }
        s.BackOff(pause);
        continue;
      }
      pause = s.options.min_backoff;
      s.SeeHeader(page->header());
      if (request.page_token().empty()) {
        first = page->header();
        start_revision = page->start_revision();
        if (absl::Status reset = s.sink.Reset(first); !reset.ok()) {
          return {.sink = reset};
        }
      } else if (page->header().record_incarnation() !=
                 first.record_incarnation()) {
        return {.transport = absl::AbortedError("the record was replaced")};
      }
      if (absl::Status applied = ApplyAll(s.sink, page->changes());
          !applied.ok()) {
        return {.sink = applied};
      }
      if (page->next_page_token().empty()) break;
      request.set_page_token(page->next_page_token());
    }
    const uint64_t watermark = start_revision > 0 ? start_revision - 1 : 0;
    if (absl::Status done = s.sink.Commit(watermark); !done.ok()) {
      return {.sink = done};
    }
    s.Advance(first.record_incarnation(), watermark);
    return {};
  };

  const auto tail = [&]() -> Outcome {
    const Position from = position();
    v1::WatchRequest request;
    *request.mutable_selector() = s.options.selector;
    request.set_start_revision(from.watermark + 1);
    request.set_record_incarnation(from.record_incarnation);
    Outcome outcome;
    bool first = true;
    bool afresh = false;
    outcome.transport =
        s.source->Watch(request, [&](const v1::WatchResponse& response) {
          if (s.Stopping()) return false;
          if (response.compacted() || response.header().record_incarnation() !=
                                          from.record_incarnation) {
            afresh = true;
            return false;
          }
          s.SeeHeader(response.header());
          pause = s.options.min_backoff;
          if (std::exchange(first, false)) {
            outcome.sink = s.sink.SetHeader(response.header());
            if (!outcome.sink.ok()) return false;
          }
          outcome.sink = ApplyAll(s.sink, response.changes());
          if (!outcome.sink.ok()) return false;
          const uint64_t watermark =
              std::max(response.watermark(), position().watermark);
          outcome.sink = s.sink.Commit(watermark);
          if (!outcome.sink.ok()) return false;
          s.Advance(from.record_incarnation, watermark);
          return true;
        });
    if (afresh) {
      LogWarning("feed: the record's history is another one, starting afresh");
      absl::MutexLock lock(&s.mutex);
      s.position = {};
      s.head = 0;
      s.seen_head = s.ready = false;
    }
    return outcome;
  };

  while (!s.Stopping()) {
    const Outcome outcome =
        position().record_incarnation == 0 ? bootstrap() : tail();
    if (!outcome.sink.ok()) {
      LogError("feed: a change could not be applied, stopping",
               {{"error", std::string(outcome.sink.message())}});
      {
        absl::MutexLock lock(&s.mutex);
        s.status = outcome.sink;
        s.ready = false;
      }
      if (s.options.on_failure) s.options.on_failure(outcome.sink);
      return;
    }
    if (!outcome.transport.ok() && !s.Stopping()) s.BackOff(pause);
  }
}

Position Follower::position() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->position;
}

uint64_t Follower::head() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->head;
}

bool Follower::ready() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->ready;
}

bool Follower::connected() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->connected;
}

absl::Status Follower::status() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->status;
}

bool Follower::WaitFor(uint64_t revision, absl::Time deadline) const {
  State& s = *state_;
  absl::MutexLock lock(&s.mutex);
  const auto reached = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return s.stopping || s.position.watermark >= revision;
  };
  s.mutex.AwaitWithDeadline(absl::Condition(&reached), deadline);
  return s.position.watermark >= revision;
}

void Follower::NotifyWhen(uint64_t revision, absl::Time deadline,
                          std::function<void(bool)> done) {
  State& s = *state_;
  bool reached = false;
  {
    absl::MutexLock lock(&s.mutex);
    reached = s.position.watermark >= revision;
    if (!reached && !s.stopping) {
      s.waiters.push_back({revision, deadline, std::move(done)});
      s.waiters_changed.Signal();
      return;
    }
  }
  done(reached);
}

}  // namespace mitra::feed
