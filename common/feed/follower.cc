#include "common/feed/follower.h"

#include <algorithm>
#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/feed/response_queue.h"
#include "common/observability/log.h"
#include "common/status/status_macros.h"

namespace mitra::feed {
namespace {

// Responses that wait for the sink, of 256 KiB at most.
constexpr size_t kResponsesAhead = 4;

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
  absl::Duration pause = absl::ZeroDuration();  // of the following thread

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
  void BackOff() {
    absl::MutexLock lock(&mutex);
    connected = false;
    mutex.AwaitWithTimeout(absl::Condition(&stopping), pause);
    pause = std::min(pause * 2, options.max_backoff);
  }

  Position CopyPosition() const {
    absl::MutexLock lock(&mutex);
    return position;
  }
  Outcome Bootstrap();
  Outcome Tail();
};

Follower::Follower(std::unique_ptr<FeedSource> source, FeedSink& sink,
                   Options options)
    : state_(std::make_unique<State>(std::move(source), sink,
                                     std::move(options))) {
  absl::MutexLock lock(&state_->mutex);
  state_->position = state_->options.start;
  state_->pause = state_->options.min_backoff;
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

// Reads the whole snapshot; a page that fails is asked for again. The next page
// is on its way while one is applied.
Outcome Follower::State::Bootstrap() {
  v1::ReadSnapshotRequest request;
  *request.mutable_selector() = options.selector;
  v1::FeedHeader first;
  uint64_t start_revision = 0;
  const auto read = [this, &request] { return source->ReadSnapshot(request); };
  auto page = read();
  for (;;) {
    if (!page.ok()) {
      if (Stopping() || absl::IsInvalidArgument(page.status())) {
        return {.transport = page.status()};
      }
      BackOff();
      page = read();
      continue;
    }
    pause = options.min_backoff;
    SeeHeader(page->header());
    if (request.page_token().empty()) {
      first = page->header();
      start_revision = page->start_revision();
      if (absl::Status reset = sink.Reset(first); !reset.ok()) {
        return {.sink = reset};
      }
    } else if (page->header().record_incarnation() !=
               first.record_incarnation()) {
      return {.transport = absl::AbortedError("the record was replaced")};
    }
    std::future<absl::StatusOr<v1::ReadSnapshotResponse>> next;
    if (!page->next_page_token().empty()) {
      request.set_page_token(page->next_page_token());
      next = std::async(std::launch::async, read);
    }
    if (absl::Status applied = ApplyAll(sink, page->changes()); !applied.ok()) {
      return {.sink = applied};
    }
    if (!next.valid()) break;
    page = next.get();
  }
  const uint64_t watermark = start_revision > 0 ? start_revision - 1 : 0;
  if (absl::Status done = sink.Commit(watermark); !done.ok()) {
    return {.sink = done};
  }
  Advance(first.record_incarnation(), watermark);
  return {};
}

// Another thread reads and parses, this one applies. What comes in quick
// succession is committed together, because a commit costs the sink more than
// a change: at most the larger of commit_period and four times what the last
// commit took passes between two.
Outcome Follower::State::Tail() {
  const Position from = CopyPosition();
  v1::WatchRequest request;
  *request.mutable_selector() = options.selector;
  request.set_start_revision(from.watermark + 1);
  request.set_record_incarnation(from.record_incarnation);
  const auto is_end = [&from](const v1::WatchResponse& response) {
    return response.compacted() ||
           response.header().record_incarnation() != from.record_incarnation;
  };
  ResponseQueue queue(kResponsesAhead);
  Outcome outcome;
  std::thread reader([&] {
    outcome.transport =
        source->Watch(request, [&](v1::WatchResponse& response) {
          const bool end = is_end(response);
          return queue.Push(response) && !end && !Stopping();
        });
    queue.Finish();
  });
  bool first = true;
  bool afresh = false;
  bool uncommitted = false;
  uint64_t watermark = from.watermark;
  absl::Time next_commit = absl::InfinitePast();
  while (outcome.sink.ok() && !afresh) {
    bool over = false;
    const v1::WatchResponse* response =
        queue.Take(uncommitted ? next_commit : absl::InfiniteFuture(), over);
    if (response != nullptr && is_end(*response)) {
      afresh = true;
    } else if (response != nullptr) {
      SeeHeader(response->header());
      pause = options.min_backoff;
      if (std::exchange(first, false)) {
        outcome.sink = sink.SetHeader(response->header());
      }
      outcome.sink.Update(ApplyAll(sink, response->changes()));
      if (response->shown_size() > 0) sink.Shown(response->shown());
      watermark = std::max(response->watermark(), watermark);
      uncommitted = true;
    }
    const absl::Time now = absl::Now();
    if (outcome.sink.ok() && uncommitted && (over || now >= next_commit)) {
      outcome.sink = sink.Commit(watermark);
      if (outcome.sink.ok()) Advance(from.record_incarnation, watermark);
      uncommitted = false;
      const absl::Time done = absl::Now();
      next_commit = done + std::max(options.commit_period, 4 * (done - now));
    }
    if (over) break;
  }
  queue.Abandon();
  // A refused change ends the follower; nothing may keep the stream waiting.
  if (!outcome.sink.ok()) source->Stop();
  reader.join();
  if (afresh) {
    LogWarning("feed: the record's history is another one, starting afresh");
    absl::MutexLock lock(&mutex);
    position = {};
    head = 0;
    seen_head = ready = false;
  }
  return outcome;
}

void Follower::Run() {
  State& s = *state_;
  while (!s.Stopping()) {
    const Outcome outcome =
        s.CopyPosition().record_incarnation == 0 ? s.Bootstrap() : s.Tail();
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
    if (!outcome.transport.ok() && !s.Stopping()) s.BackOff();
  }
}

Position Follower::position() const { return state_->CopyPosition(); }

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
