#include "services/matching/refresh/refresh_runner.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/redis/keys.h"
#include "common/status/errors.h"
#include "services/matching/ranking/member_filter.h"

namespace mitra::matching {
namespace {

constexpr int kDefaultSlate = 10;
// Kept of each slate beyond its length, for those who drop out until the next
// epoch.
constexpr size_t kSpare = 2;
constexpr absl::Duration kRedisTimeout = absl::Milliseconds(100);

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp stamp;
  stamp.set_seconds(absl::ToUnixSeconds(time));
  stamp.set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(stamp.seconds()))));
  return stamp;
}

// Members of the scope, by id.
std::vector<std::string> MembersOf(const MatchingView& view,
                                   const v1::RefreshScope& scope) {
  std::vector<std::string> ids;
  const absl::flat_hash_set<std::string> named(scope.profile_ids().begin(),
                                               scope.profile_ids().end());
  v1::MemberFilter filter;
  *filter.mutable_region_codes() = scope.region_codes();
  *filter.mutable_sector_codes() = scope.sector_codes();
  const CompiledFilter inside(filter);
  for (MemberIndex i = 0; i < view.members.size(); ++i) {
    const Member& member = view.members.at(i);
    // Groups, events and programmes are recommended, not recommended to.
    if (member.deleted || member.facets.empty() ||
        (member.kind != v1::MEMBER_KIND_PERSON &&
         member.kind != v1::MEMBER_KIND_BUSINESS &&
         member.kind != v1::MEMBER_KIND_ORGANISATION)) {
      continue;
    }
    if (!named.empty() && !named.contains(member.id.view())) continue;
    if (!inside.Accepts(member, member.facets[0])) continue;
    ids.emplace_back(member.id.view());
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

double Gini(std::vector<uint32_t> counts) {
  std::sort(counts.begin(), counts.end());
  double sum = 0;
  double weighted = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i];
    weighted += static_cast<double>(i + 1) * counts[i];
  }
  if (sum == 0) return 0;
  const double n = static_cast<double>(counts.size());
  return (2 * weighted) / (n * sum) - (n + 1) / n;
}

struct RefreshRunner::Job {
  mutable absl::Mutex mutex;
  v1::Refresh state ABSL_GUARDED_BY(mutex);
  std::string request_id;
  std::vector<const KindSpec*> kinds;
  size_t slate_size = kDefaultSlate;
  uint64_t epoch = 0;
  bool dry_run = false;
  std::atomic<bool> cancelled{false};

  std::vector<std::string> members;
  std::atomic<size_t> next{0};
  // How often each candidate stands in a slate.
  absl::flat_hash_map<std::string, uint32_t> exposure ABSL_GUARDED_BY(mutex);
  absl::Status failure ABSL_GUARDED_BY(mutex);

  v1::Refresh Snapshot() const {
    absl::MutexLock lock(&mutex);
    return state;
  }
};

RefreshRunner::RefreshRunner(SlateServer& slates, EpochBoard& epochs,
                             redis::Client* redis, const Clock& clock,
                             Options options)
    : slates_(slates),
      epochs_(epochs),
      redis_(redis),
      clock_(clock),
      options_(options) {}

RefreshRunner::~RefreshRunner() {
  std::thread last;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& job : jobs_) job->cancelled = true;
    last = std::move(thread_);
  }
  if (last.joinable()) last.join();
}

bool RefreshRunner::HasEnded(v1::RefreshState state) {
  return state == v1::REFRESH_STATE_PUBLISHED ||
         state == v1::REFRESH_STATE_CANCELLED ||
         state == v1::REFRESH_STATE_FAILED || state == v1::REFRESH_STATE_HELD;
}

absl::StatusOr<v1::Refresh> RefreshRunner::Start(
    const v1::StartRefreshRequest& request) {
  absl::MutexLock lock(&mutex_);
  if (!request.request_id().empty()) {
    for (const auto& job : jobs_) {
      if (job->request_id == request.request_id()) return job->Snapshot();
    }
  }
  if (running_) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "REFRESH_RUNNING",
                     "a refresh is running");
  }
  auto job = std::make_shared<Job>();
  job->request_id = request.request_id();
  job->dry_run = request.dry_run();
  job->slate_size = request.slate_size() > 0
                        ? static_cast<size_t>(request.slate_size())
                        : kDefaultSlate;
  for (const int kind : request.kinds()) {
    job->kinds.push_back(FindKind(static_cast<v1::RecommendationKind>(kind)));
  }
  if (job->kinds.empty()) {
    job->kinds = {FindKind(v1::RECOMMENDATION_KIND_MENTOR),
                  FindKind(v1::RECOMMENDATION_KIND_PARTNER)};
  }
  // Rises from one refresh to the next, over restarts too.
  job->epoch = static_cast<uint64_t>(absl::ToUnixMillis(clock_.Now()));
  for (const KindSpec* kind : job->kinds) {
    job->epoch = std::max(job->epoch, epochs_.Of(kind->kind) + 1);
  }
  {
    absl::MutexLock job_lock(&job->mutex);
    v1::Refresh& state = job->state;
    state.set_refresh_id(NewUlid());
    *state.mutable_scope() = request.scope();
    for (const KindSpec* kind : job->kinds) state.add_kinds(kind->kind);
    state.set_slate_size(static_cast<int32_t>(job->slate_size));
    state.set_state(v1::REFRESH_STATE_PENDING);
    state.set_dry_run(job->dry_run);
    *state.mutable_start_time() = ToTimestamp(clock_.Now());
  }
  jobs_.push_front(job);
  while (jobs_.size() > options_.history) jobs_.pop_back();
  running_ = true;
  if (thread_.joinable()) thread_.join();  // ended: running_ was false
  thread_ = std::thread([this, job] { Run(job); });
  return job->Snapshot();
}

std::shared_ptr<RefreshRunner::Job> RefreshRunner::Find(
    absl::string_view refresh_id) const {
  for (const auto& job : jobs_) {
    absl::MutexLock lock(&job->mutex);
    if (job->state.refresh_id() == refresh_id) return job;
  }
  return nullptr;
}

absl::StatusOr<v1::Refresh> RefreshRunner::Get(
    absl::string_view refresh_id) const {
  absl::MutexLock lock(&mutex_);
  const auto job = Find(refresh_id);
  if (job == nullptr) {
    return MakeError(absl::StatusCode::kNotFound, "REFRESH_NOT_FOUND",
                     "refresh_id: no such refresh");
  }
  return job->Snapshot();
}

std::vector<v1::Refresh> RefreshRunner::List() const {
  absl::MutexLock lock(&mutex_);
  std::vector<v1::Refresh> all;
  for (const auto& job : jobs_) all.push_back(job->Snapshot());
  return all;
}

absl::StatusOr<v1::Refresh> RefreshRunner::Cancel(
    absl::string_view refresh_id) {
  std::shared_ptr<Job> job;
  {
    absl::MutexLock lock(&mutex_);
    job = Find(refresh_id);
  }
  if (job == nullptr) {
    return MakeError(absl::StatusCode::kNotFound, "REFRESH_NOT_FOUND",
                     "refresh_id: no such refresh");
  }
  job->cancelled = true;
  // Until the run has seen it, it still stands as running.
  return job->Snapshot();
}

void RefreshRunner::WaitUntilIdle() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(
      +[](bool* running) { return !*running; }, &running_));
}

rpc::Task<void> RefreshRunner::OneMember(Job& job, std::string id) {
  bool full = true;
  bool empty = true;
  for (const KindSpec* kind : job.kinds) {
    rpc::CallContext call;
    call.deadline = absl::Now() + options_.timeout;
    SubjectName subject;
    subject.id = id;
    SlateRequest request;
    request.kind = kind;
    request.profile = options_.profile;
    request.page_size = job.slate_size;
    request.parameters = DefaultParameters();
    auto computed = co_await slates_.Compute(call, subject, request,
                                             job.slate_size * kSpare);
    if (!computed.ok()) {
      // Gone since the refresh began: no slate is owed.
      if (computed.status().code() == absl::StatusCode::kNotFound) co_return;
      absl::MutexLock lock(&job.mutex);
      if (job.failure.ok()) job.failure = computed.status();
      co_return;
    }
    const SharedSlate& found = *computed;
    const size_t shown = std::min(found->entries.size(), job.slate_size);
    full = full && shown == job.slate_size;
    empty = empty && shown == 0;
    {
      absl::MutexLock lock(&job.mutex);
      for (size_t i = 0; i < shown; ++i) ++job.exposure[found->entries[i].id];
      // What search could not tell is no slate to keep for a day.
      if ((found->degraded &
           DegradedBit(v1::DEGRADED_REASON_SEARCH_UNAVAILABLE)) != 0 &&
          job.failure.ok()) {
        job.failure =
            MakeError(absl::StatusCode::kUnavailable, "SEARCH_UNAVAILABLE",
                      "search did not answer during the refresh");
      }
    }
    if (job.dry_run) continue;
    auto published = std::make_shared<Slate>(*found);
    published->published = true;
    const std::string key =
        slates_.KeyOf(slates_.view(), id, request, job.epoch);
    slates_.cache().Publish(key, std::move(published), [](bool) {});
  }
  absl::MutexLock lock(&job.mutex);
  job.state.set_members_done(job.state.members_done() + 1);
  if (full) job.state.set_full_slates(job.state.full_slates() + 1);
  if (empty) job.state.set_empty_slates(job.state.empty_slates() + 1);
}

rpc::Task<void> RefreshRunner::Worker(std::shared_ptr<Job> job, int* running) {
  while (!job->cancelled) {
    {
      absl::MutexLock lock(&job->mutex);
      if (!job->failure.ok()) break;
    }
    const size_t at = job->next.fetch_add(1);
    if (at >= job->members.size()) break;
    std::string id = job->members[at];
    co_await OneMember(*job, std::move(id));
  }
  absl::MutexLock lock(&job->mutex);
  --*running;
}

void RefreshRunner::End(Job& job, v1::RefreshState state,
                        const absl::Status& error) {
  absl::MutexLock lock(&job.mutex);
  job.state.set_state(state);
  *job.state.mutable_end_time() = ToTimestamp(clock_.Now());
  if (!error.ok()) *job.state.mutable_error() = ToRpcStatus(error);
}

absl::Status RefreshRunner::PublishEpoch(Job& job) {
  for (const KindSpec* kind : job.kinds) {
    if (redis_ != nullptr && redis_->available()) {
      // Other processes learn of it from here; without it they go on computing.
      redis_->SetIfNewer(redis::EpochKey(kind->name), job.epoch,
                         absl::StrCat(job.epoch), redis::kEpochs.ttl,
                         absl::Now() + kRedisTimeout,
                         [](absl::StatusOr<bool>) {});
    }
    epochs_.Set(kind->kind, job.epoch);
  }
  return absl::OkStatus();
}

void RefreshRunner::Run(std::shared_ptr<Job> job) {
  const MatchingView view = slates_.view();
  job->members = MembersOf(view, [&] {
    absl::MutexLock lock(&job->mutex);
    return job->state.scope();
  }());
  int running = std::max(1, options_.concurrency);
  {
    absl::MutexLock lock(&job->mutex);
    job->state.set_state(v1::REFRESH_STATE_RUNNING);
    job->state.set_phase("candidates");
    job->state.set_members_total(job->members.size());
  }
  const int workers = running;
  for (int i = 0; i < workers; ++i) rpc::Spawn(Worker(job, &running));
  absl::Status failure;
  {
    absl::MutexLock lock(&job->mutex);
    job->mutex.Await(absl::Condition(
        +[](int* left) { return *left == 0; }, &running));
    failure = job->failure;
    std::vector<uint32_t> counts;
    counts.reserve(job->exposure.size());
    for (const auto& [id, count] : job->exposure) counts.push_back(count);
    // Everybody who could have been shown counts, shown or not.
    size_t candidates = 0;
    uint32_t roles = 0;
    for (const KindSpec* kind : job->kinds) roles |= kind->candidate_roles;
    for (MemberIndex i = 0; i < view.members.size(); ++i) {
      const Member& member = view.members.at(i);
      if (!member.deleted && !member.hidden &&
          (member.role_bits & roles) != 0) {
        ++candidates;
      }
    }
    counts.resize(std::max(counts.size(), candidates), 0);
    job->state.set_exposure_gini(Gini(std::move(counts)));
    job->state.set_phase("publish");
  }
  if (!failure.ok()) {
    End(*job, v1::REFRESH_STATE_FAILED, failure);
  } else if (job->cancelled) {
    End(*job, v1::REFRESH_STATE_CANCELLED, absl::OkStatus());
  } else if (job->dry_run) {
    End(*job, v1::REFRESH_STATE_HELD, absl::OkStatus());
  } else {
    failure = PublishEpoch(*job);
    if (failure.ok()) {
      absl::MutexLock lock(&job->mutex);
      job->state.set_epoch(job->epoch);
    }
    End(*job,
        failure.ok() ? v1::REFRESH_STATE_PUBLISHED : v1::REFRESH_STATE_FAILED,
        failure);
  }
  absl::MutexLock lock(&mutex_);
  running_ = false;
}

}  // namespace mitra::matching
