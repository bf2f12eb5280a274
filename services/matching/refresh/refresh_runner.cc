#include "services/matching/refresh/refresh_runner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/ids.h"
#include "common/base/thread_priority.h"
#include "common/observability/log.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/matching/refresh/slate_figures.h"

namespace mitra::matching {
namespace {

constexpr int kDefaultSlate = 10;

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp stamp;
  stamp.set_seconds(absl::ToUnixSeconds(time));
  stamp.set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(stamp.seconds()))));
  return stamp;
}

bool IsRunning(v1::RefreshState state) {
  return state == v1::REFRESH_STATE_PENDING ||
         state == v1::REFRESH_STATE_RUNNING;
}

absl::Status NotHeld() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_HELD",
                   "the refresh is not held");
}

absl::Status AlreadyRunning() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "REFRESH_RUNNING",
                   "a refresh is running");
}

// As it is kept: with when and by whom.
v1::FixedPair Settled(v1::FixedPair pair, const std::string& who,
                      absl::Time now) {
  *pair.mutable_decide_time() = ToTimestamp(now);
  pair.set_decided_by(who);
  return pair;
}

v1::Refresh NewState(const v1::StartRefreshRequest& request,
                     const std::string& who, absl::Time now) {
  v1::Refresh state;
  state.set_refresh_id(NewUlid());
  *state.mutable_scope() = request.scope();
  *state.mutable_kinds() = request.kinds();
  if (state.kinds().empty()) {
    state.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
    state.add_kinds(v1::RECOMMENDATION_KIND_PARTNER);
  }
  state.set_slate_size(request.slate_size() > 0 ? request.slate_size()
                                                : kDefaultSlate);
  state.set_state(v1::REFRESH_STATE_PENDING);
  state.set_dry_run(request.dry_run());
  state.set_hold(request.hold());
  state.set_fairness(request.has_fairness() ? request.fairness() : 1);
  state.set_hard_seats(request.hard_seats());
  for (const v1::FixedPair& pair : request.fixed_pairs()) {
    *state.add_fixed_pairs() = Settled(pair, who, now);
  }
  *state.mutable_guards() = WithDefaults(request.guards());
  *state.mutable_start_time() = ToTimestamp(now);
  return state;
}

}  // namespace

bool RefreshRunner::HasEnded(v1::RefreshState state) {
  return !IsRunning(state);
}

RefreshRunner::RefreshRunner(RefreshTools tools, Options options)
    : tools_(std::move(tools)), options_(options) {
  absl::MutexLock lock(&mutex_);
  for (const std::string& id : JobFolder::List(tools_.directory)) {
    const JobFolder folder(tools_.directory, id);
    auto record = folder.ReadJob();
    if (!record.ok()) {
      LogWarning("a refresh cannot be read",
                 {{"refresh", id}, {"reason", record.status().ToString()}});
      continue;
    }
    if (jobs_.size() >= options_.history) {
      folder.RemoveAll();
      continue;
    }
    jobs_.push_back(std::make_shared<RefreshJob>(tools_, *std::move(record)));
  }
}

void RefreshRunner::Stop() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
  for (const Job& job : jobs_) job->Interrupt();
}

RefreshRunner::~RefreshRunner() {
  Stop();
  std::thread last;
  {
    absl::MutexLock lock(&mutex_);
    last = std::move(thread_);
  }
  if (last.joinable()) last.join();
}

void RefreshRunner::SetAddress(std::string address) {
  absl::MutexLock lock(&mutex_);
  address_ = std::move(address);
}

void RefreshRunner::Resume() {
  absl::MutexLock lock(&mutex_);
  if (resumed_ || running_ || stopping_) return;
  Job job;
  for (const Job& one : jobs_) {
    if (IsRunning(one->state().state())) job = one;  // the oldest
  }
  if (job == nullptr) {
    resumed_ = true;
    return;
  }
  auto lease = Lease::Take(tools_.redis, options_.lease);
  // Its own lease of before may still run: asked again soon.
  if (!lease.ok()) return;
  job->Update(
      [](v1::Refresh& state) { state.set_restarts(state.restarts() + 1); });
  Launch(job, *std::move(lease), Task::kCompute);
}

void RefreshRunner::Sweep() {
  std::vector<Job> late;
  {
    absl::MutexLock lock(&mutex_);
    const int64_t now = absl::ToUnixSeconds(tools_.clock->Now());
    for (const Job& job : jobs_) {
      const v1::Refresh state = job->state();
      if (state.state() == v1::REFRESH_STATE_HELD &&
          state.hold_expire_time().seconds() <= now) {
        late.push_back(job);
      }
    }
  }
  for (const Job& job : late) {
    (void)Reject(job->state().refresh_id(), "nobody has reviewed it in time");
  }
}

void RefreshRunner::Launch(Job job, std::unique_ptr<Lease> lease, Task task) {
  if (!address_.empty()) {
    lease->Announce({job->state().refresh_id(), address_});
  }
  running_ = true;
  if (thread_.joinable()) thread_.join();  // ended: running_ was false
  thread_ = std::thread(
      [this, job = std::move(job), held = std::move(lease), task]() mutable {
        // With all threads that it starts: people wait for online answers,
        // nobody for these.
        LowerThreadPriority();
        Run(job, std::move(held), task);
      });
}

absl::StatusOr<std::vector<RankingArm>> RefreshRunner::ArmsFor(
    const v1::StartRefreshRequest& request) const {
  if (tools_.rankings == nullptr) return std::vector<RankingArm>();
  std::vector<RankingArm> serving = tools_.rankings->plan().arms;
  const std::string& wanted = request.ranking_profile();
  if (wanted.empty()) return serving;
  if (tools_.rankings->Find(wanted, "") == nullptr) {
    return InvalidField("ranking_profile", "no such ranking profile");
  }
  const bool serves_alone = serving.size() == 1 && serving[0].profile == wanted;
  if (!serves_alone && !request.dry_run() && !request.hold()) {
    return InvalidField("ranking_profile",
                        "does not serve everybody: wants dry_run or hold");
  }
  return std::vector<RankingArm>{{wanted, 1}};
}

absl::StatusOr<v1::Refresh> RefreshRunner::Start(
    const v1::StartRefreshRequest& request, const std::string& who) {
  absl::MutexLock lock(&mutex_);
  if (!request.request_id().empty()) {
    for (const Job& job : jobs_) {
      if (job->request().request_id() == request.request_id()) {
        return job->state();
      }
    }
  }
  if (running_) return AlreadyRunning();
  for (const Job& job : jobs_) {
    if (IsRunning(job->state().state())) return AlreadyRunning();
  }
  MITRA_ASSIGN_OR_RETURN(const std::vector<RankingArm> arms, ArmsFor(request));
  if (!ScopeHasMembers(tools_.views(), request.scope())) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "EMPTY_SCOPE",
                     "scope: nobody is in it");
  }
  MITRA_ASSIGN_OR_RETURN(auto lease, Lease::Take(tools_.redis, options_.lease));
  JobRecord record;
  record.request = request;
  record.state = NewState(request, who, tools_.clock->Now());
  for (const RankingArm& arm : arms) {
    v1::RankingArm& kept = *record.state.add_ranking_arms();
    kept.set_ranking_profile_id(arm.profile);
    kept.set_share(arm.share);
  }
  auto job = std::make_shared<RefreshJob>(tools_, std::move(record));
  job->Update([](v1::Refresh&) {});
  jobs_.push_front(job);
  while (jobs_.size() > options_.history) {
    jobs_.back()->folder().RemoveAll();
    jobs_.pop_back();
  }
  Launch(job, std::move(lease), Task::kCompute);
  return job->state();
}

absl::StatusOr<RefreshRunner::Job> RefreshRunner::Find(
    absl::string_view refresh_id) const {
  for (const Job& job : jobs_) {
    if (job->state().refresh_id() == refresh_id) return job;
  }
  return MakeError(absl::StatusCode::kNotFound, "REFRESH_NOT_FOUND",
                   "refresh_id: no such refresh");
}

absl::StatusOr<v1::Refresh> RefreshRunner::Get(
    absl::string_view refresh_id) const {
  absl::MutexLock lock(&mutex_);
  MITRA_ASSIGN_OR_RETURN(const Job job, Find(refresh_id));
  return job->state();
}

std::vector<v1::Refresh> RefreshRunner::List() const {
  absl::MutexLock lock(&mutex_);
  std::vector<v1::Refresh> all;
  for (const Job& job : jobs_) all.push_back(job->state());
  return all;
}

absl::StatusOr<v1::Refresh> RefreshRunner::Cancel(
    absl::string_view refresh_id) {
  absl::MutexLock lock(&mutex_);
  MITRA_ASSIGN_OR_RETURN(const Job job, Find(refresh_id));
  if (!IsRunning(job->state().state())) return job->state();
  job->Cancel();
  // One that waits to be resumed is not seen by any thread.
  if (!running_) End(*job, v1::REFRESH_STATE_CANCELLED, absl::OkStatus());
  // Until the run has seen it, it still stands as running.
  return job->state();
}

absl::StatusOr<RefreshRunner::Job> RefreshRunner::Held(
    absl::string_view refresh_id) const {
  MITRA_ASSIGN_OR_RETURN(Job job, Find(refresh_id));
  if (job->state().state() != v1::REFRESH_STATE_HELD) return NotHeld();
  if (job == edited_) return AlreadyRunning();
  return job;
}

absl::StatusOr<v1::Refresh> RefreshRunner::Publish(absl::string_view refresh_id,
                                                   bool override_guards) {
  absl::MutexLock lock(&mutex_);
  MITRA_ASSIGN_OR_RETURN(const Job job, Held(refresh_id));
  const v1::Refresh state = job->state();
  if (state.guard_failures_size() > 0 && !override_guards) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "GUARDS_FAILED",
                     absl::StrJoin(state.guard_failures(), "; "));
  }
  if (running_) return AlreadyRunning();
  MITRA_ASSIGN_OR_RETURN(auto lease, Lease::Take(tools_.redis, options_.lease));
  LogInfo("a held refresh is published",
          {{"refresh", state.refresh_id()},
           {"overridden", absl::StrCat(state.guard_failures_size())}});
  job->Update([](v1::Refresh& s) {
    s.set_state(v1::REFRESH_STATE_RUNNING);
    s.set_hold(false);
    s.clear_hold_expire_time();
    s.clear_guard_failures();
  });
  Launch(job, std::move(lease), Task::kPublish);
  return job->state();
}

absl::StatusOr<v1::Refresh> RefreshRunner::Edit(
    const v1::EditRefreshRequest& request, const std::string& who) {
  Job job;
  {
    absl::MutexLock lock(&mutex_);
    MITRA_ASSIGN_OR_RETURN(job, Held(request.refresh_id()));
    if (edited_ != nullptr) return AlreadyRunning();
    edited_ = job;
  }
  const absl::Status settled = Settle(*job, request, who);
  absl::MutexLock lock(&mutex_);
  edited_ = nullptr;
  MITRA_RETURN_IF_ERROR(settled);
  return job->state();
}

absl::Status RefreshRunner::Settle(RefreshJob& job,
                                   const v1::EditRefreshRequest& request,
                                   const std::string& who) {
  if (job.state().fixed_pairs_size() + request.pairs_size() > kMaxFixedPairs) {
    return MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_PAIRS",
                     "the refresh would have more than 10,000 settled pairs");
  }
  std::vector<v1::FixedPair> pairs;
  for (const v1::FixedPair& pair : request.pairs()) {
    pairs.push_back(Settled(pair, who, tools_.clock->Now()));
  }
  MITRA_RETURN_IF_ERROR(job.Edit(pairs));
  LogInfo("places of a held refresh are settled",
          {{"refresh", request.refresh_id()},
           {"pairs", absl::StrCat(pairs.size())},
           {"by", who}});
  return absl::OkStatus();
}

absl::StatusOr<v1::Refresh> RefreshRunner::Reject(absl::string_view refresh_id,
                                                  const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  MITRA_ASSIGN_OR_RETURN(const Job job, Held(refresh_id));
  LogInfo("a held refresh is rejected",
          {{"refresh", job->state().refresh_id()}});
  job->Update([&](v1::Refresh& s) { s.set_reject_reason(reason); });
  End(*job, v1::REFRESH_STATE_REJECTED, absl::OkStatus());
  job->folder().RemoveHeavy();
  return job->state();
}

bool RefreshRunner::IsCurrent(const v1::Refresh& refresh) const {
  if (refresh.epoch() == 0) return false;
  for (const auto& [kind, one] : tools_.keeper->current().kinds) {
    if (!one.epochs.empty() && one.epochs[0] == refresh.epoch()) return true;
  }
  return false;
}

absl::StatusOr<v1::Refresh> RefreshRunner::RollBack(
    absl::string_view refresh_id) {
  absl::MutexLock lock(&mutex_);
  MITRA_ASSIGN_OR_RETURN(const Job job, Find(refresh_id));
  const v1::Refresh state = job->state();
  if (state.state() == v1::REFRESH_STATE_ROLLED_BACK) return state;
  if (state.state() != v1::REFRESH_STATE_PUBLISHED || !IsCurrent(state)) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_CURRENT",
                     "the refresh is not the one that is published now");
  }
  EpochState before = tools_.keeper->previous();
  if (before.kinds.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_OLD_EPOCH",
                     "nothing is left of what stood before");
  }
  if (running_) return AlreadyRunning();
  MITRA_ASSIGN_OR_RETURN(const auto lease,
                         Lease::Take(tools_.redis, options_.lease));
  before.order = lease->order();
  MITRA_RETURN_IF_ERROR(tools_.keeper->Flip(before, tools_.views().members));
  LogInfo("a refresh is rolled back", {{"refresh", state.refresh_id()}});
  job->Update(
      [](v1::Refresh& s) { s.set_state(v1::REFRESH_STATE_ROLLED_BACK); });
  return job->state();
}

absl::StatusOr<v1::RefreshReport> RefreshRunner::Report(
    absl::string_view refresh_id) const {
  absl::MutexLock lock(&mutex_);
  MITRA_ASSIGN_OR_RETURN(const Job job, Find(refresh_id));
  auto report = job->folder().ReadReport();
  if (!report.ok()) {
    if (IsRunning(job->state().state())) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "NO_REPORT_YET",
                       "the refresh is not computed yet");
    }
    return MakeError(absl::StatusCode::kNotFound, "NO_REPORT",
                     "the refresh has no report");
  }
  *report->mutable_refresh() = job->state();
  return report;
}

absl::StatusOr<std::unique_ptr<StoredSlates>> RefreshRunner::Slates(
    absl::string_view refresh_id) const {
  absl::MutexLock lock(&mutex_);
  if (!refresh_id.empty()) {
    MITRA_ASSIGN_OR_RETURN(const Job job, Find(refresh_id));
    return StoredSlates::Open(job->folder(), job->state());
  }
  for (const Job& job : jobs_) {
    const v1::Refresh state = job->state();
    if (IsCurrent(state)) return StoredSlates::Open(job->folder(), state);
  }
  return MakeError(absl::StatusCode::kNotFound, "REFRESH_NOT_FOUND",
                   "no refresh is published here");
}

absl::StatusOr<v1::RefreshChunk> RefreshRunner::GetChunk(
    absl::string_view refresh_id, uint32_t chunk) const {
  Job job;
  {
    absl::MutexLock lock(&mutex_);
    MITRA_ASSIGN_OR_RETURN(job, Find(refresh_id));
  }
  return job->GetChunk(chunk);
}

absl::StatusOr<bool> RefreshRunner::Submit(absl::string_view refresh_id,
                                           uint32_t chunk,
                                           absl::string_view bytes) {
  Job job;
  {
    absl::MutexLock lock(&mutex_);
    MITRA_ASSIGN_OR_RETURN(job, Find(refresh_id));
  }
  return job->Submit(chunk, bytes);
}

void RefreshRunner::WaitUntilIdle() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(
      +[](bool* running) { return !*running; }, &running_));
}

void RefreshRunner::End(RefreshJob& job, v1::RefreshState state,
                        const absl::Status& error) {
  job.Update([&](v1::Refresh& s) {
    s.set_state(state);
    *s.mutable_end_time() = ToTimestamp(tools_.clock->Now());
    if (!error.ok()) *s.mutable_error() = ToRpcStatus(error);
    if (state == v1::REFRESH_STATE_PUBLISHED) {
      *s.mutable_publish_time() = s.end_time();
    }
  });
}

void RefreshRunner::Hold(RefreshJob& job, std::vector<std::string> failures) {
  job.Update([&](v1::Refresh& s) {
    s.set_state(v1::REFRESH_STATE_HELD);
    s.clear_guard_failures();
    for (std::string& failure : failures) {
      s.add_guard_failures(std::move(failure));
    }
    *s.mutable_hold_expire_time() =
        ToTimestamp(tools_.clock->Now() + options_.hold_time);
  });
}

RefreshRunner::Outcome RefreshRunner::FailureOf(const RefreshJob& job,
                                                absl::Status error) const {
  if (job.cancelled()) return {v1::REFRESH_STATE_CANCELLED, {}, {}};
  absl::MutexLock lock(&mutex_);
  if (stopping_) return {};
  return {v1::REFRESH_STATE_FAILED, std::move(error), {}};
}

RefreshRunner::Outcome RefreshRunner::Work(RefreshJob& job, const Lease& lease,
                                           Task task) {
  if (task == Task::kCompute) {
    absl::Status computed = job.Compute();
    if (!computed.ok()) return FailureOf(job, std::move(computed));
    const v1::Refresh state = job.state();
    if (state.dry_run()) return {v1::REFRESH_STATE_COMPUTED, {}, {}};
    std::vector<const v1::MarketReport*> reports;
    for (const v1::MarketReport& market : state.markets()) {
      reports.push_back(&market);
    }
    std::vector<std::string> failures = FailedGuards(state.guards(), reports);
    if (state.hold() || !failures.empty()) {
      return {v1::REFRESH_STATE_HELD, {}, std::move(failures)};
    }
  }
  absl::Status published = job.Publish(lease.order(), nullptr);
  if (ReasonOf(published) == "CACHE_UNAVAILABLE") {
    // A night's work is not thrown away because the cache was.
    return {v1::REFRESH_STATE_HELD, {}, {"Redis did not take the slates"}};
  }
  if (!published.ok()) return FailureOf(job, std::move(published));
  return {v1::REFRESH_STATE_PUBLISHED, {}, {}};
}

void RefreshRunner::Tell(RefreshJob& job, Outcome outcome) {
  if (outcome.state == v1::REFRESH_STATE_UNSPECIFIED) return;
  if (outcome.state == v1::REFRESH_STATE_HELD) {
    return Hold(job, std::move(outcome.guard_failures));
  }
  End(job, outcome.state, outcome.error);
  if (outcome.state != v1::REFRESH_STATE_PUBLISHED) job.folder().RemoveHeavy();
}

void RefreshRunner::Run(const Job& job, std::unique_ptr<Lease> lease,
                        Task task) {
  Outcome outcome = Work(*job, *lease, task);
  CleanUp();
  // Whoever hears of the end may start the next one, here or elsewhere.
  lease.reset();
  absl::MutexLock lock(&mutex_);
  Tell(*job, std::move(outcome));
  running_ = false;
}

// Keeps what may still be asked for: the slates of held refreshes, and of those
// that are current or were before.
void RefreshRunner::CleanUp() {
  absl::flat_hash_set<uint64_t> epochs;
  for (const EpochState& state :
       {tools_.keeper->current(), tools_.keeper->previous()}) {
    for (const auto& [kind, one] : state.kinds) {
      epochs.insert(one.epochs.begin(), one.epochs.end());
    }
  }
  absl::MutexLock lock(&mutex_);
  for (const Job& job : jobs_) {
    const v1::Refresh state = job->state();
    const bool published = state.state() == v1::REFRESH_STATE_PUBLISHED ||
                           state.state() == v1::REFRESH_STATE_ROLLED_BACK;
    if (published && !epochs.contains(state.epoch())) {
      job->folder().RemoveHeavy();
    }
  }
}

}  // namespace mitra::matching
