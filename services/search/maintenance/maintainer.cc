#include "services/search/maintenance/maintainer.h"

#include <utility>

#include "absl/time/clock.h"
#include "common/base/thread_priority.h"
#include "common/observability/log.h"
#include "services/search/maintenance/free_memory.h"
#include "services/search/maintenance/warm_up.h"

namespace mitra::search {

Maintainer::Maintainer(IndexState& state, Options options)
    : state_(state),
      options_(std::move(options)),
      next_snapshot_(absl::Now() + options_.snapshot_interval) {}

Maintainer::~Maintainer() { Stop(); }

void Maintainer::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Maintainer::Stop() {
  stop_.store(true);
  Wake();
  if (thread_.joinable()) thread_.join();
}

void Maintainer::Wake() {
  absl::MutexLock lock(&mutex_);
  awake_ = true;
}

void Maintainer::Run() {
  constexpr absl::Duration kRound = absl::Seconds(1);
  LowerThreadPriority();
  while (!stop_.load()) {
    // While the feed is being read for the first time, a graph would be out of
    // date when it is done: build once at the end.
    const bool caught_up = options_.caught_up();
    bool more = false;
    if (caught_up || ready()) {
      more = state_.Maintain(stop_, ready() ? options_.build_threads
                                            : options_.first_build_threads);
      if (more && ready()) ReturnFreeMemory();
    }
    CheckReady();
    if (stop_.load()) break;
    SnapshotIfDue();
    if (more) continue;
    TuneWalks();
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&awake_), kRound);
    awake_ = false;
  }
}

void Maintainer::CheckReady() {
  const bool was = ready();
  // Once it is, only the loss of the whole index makes it unready.
  const bool now =
      state_.usable() && (was || (options_.caught_up() && state_.settled()));
  if (was == now) return;
  if (now) {
    ReturnFreeMemory();
    const absl::Time start = absl::Now();
    const size_t answered =
        WarmUp(*state_.Read().shared(), options_.plan, stop_);
    LogInfo("search: warmed up",
            {{"questions", answered},
             {"ms", absl::ToInt64Milliseconds(absl::Now() - start)}});
    if (stop_.load()) return;
  }
  ready_.store(now, std::memory_order_release);
  options_.on_ready(now);
}

void Maintainer::TuneWalks() {
  if (options_.tune == nullptr || !ready()) return;
  for (int role = 1; role < kRoles && !stop_.load(); ++role) {
    if (!options_.tune(role, stop_)) continue;
    const auto figures = state_.figures().roles[static_cast<size_t>(role)];
    LogInfo("search: walks tuned by what is asked",
            {{"role", role}, {"care", figures.care}});
  }
}

void Maintainer::SnapshotIfDue() {
  if (options_.snapshot_path.empty() || !ready() ||
      absl::Now() < next_snapshot_) {
    return;
  }
  next_snapshot_ = absl::Now() + options_.snapshot_interval;
  if (state_.Read()->watermark == last_snapshot().revision) return;
  const auto written = WriteSnapshot();
  if (!written.ok()) {
    LogError("search: snapshot not written",
             {{"reason", std::string(written.status().message())}});
  }
}

absl::StatusOr<WrittenSnapshot> Maintainer::WriteSnapshot() {
  if (options_.snapshot_path.empty()) {
    return absl::FailedPreconditionError("snapshot: no data_dir is configured");
  }
  absl::MutexLock one(&writing_);
  const absl::Time start = absl::Now();
  auto written = WriteIndexSnapshot(state_, options_.snapshot_path);
  if (!written.ok()) return written.status();
  LogInfo("search: snapshot written",
          {{"revision", written->revision},
           {"bytes", written->bytes},
           {"ms", absl::ToInt64Milliseconds(absl::Now() - start)}});
  absl::MutexLock lock(&mutex_);
  last_ = *written;
  return written;
}

WrittenSnapshot Maintainer::last_snapshot() const {
  absl::MutexLock lock(&mutex_);
  return last_;
}

}  // namespace mitra::search
