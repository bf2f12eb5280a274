#include "services/matching/refresh/refresh_runner.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/observability/log.h"
#include "common/redis/keys.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/matching/allocation/market_measures.h"
#include "services/matching/ranking/member_filter.h"
#include "services/matching/refresh/market.h"

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

// Members of the scope, in the order of ids.
std::vector<MemberIndex> MembersOf(const MatchingView& view,
                                   const v1::RefreshScope& scope) {
  std::vector<MemberIndex> members;
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
    members.push_back(i);
  }
  std::sort(members.begin(), members.end(), [&](MemberIndex a, MemberIndex b) {
    return view.members.at(a).id.view() < view.members.at(b).id.view();
  });
  return members;
}

// The best by key, best first.
void KeepBest(std::vector<MarketCandidate>& candidates) {
  const auto better = [](const MarketCandidate& a, const MarketCandidate& b) {
    return a.key != b.key ? a.key > b.key : a.member < b.member;
  };
  const size_t kept = std::min(candidates.size(), kKeptCandidates);
  std::partial_sort(candidates.begin(),
                    candidates.begin() + static_cast<ptrdiff_t>(kept),
                    candidates.end(), better);
  candidates.resize(kept);
  candidates.shrink_to_fit();
}

// Writes slates with a bounded number of them under way.
class Publisher {
 public:
  explicit Publisher(SlateCache& cache) : cache_(cache) {}
  ~Publisher() { WaitFor(0); }

  void Write(const std::string& key, SharedSlate slate) {
    WaitFor(kUnderWay - 1);
    {
      absl::MutexLock lock(&mutex_);
      ++under_way_;
    }
    cache_.Publish(key, std::move(slate), [this](bool) {
      absl::MutexLock lock(&mutex_);
      --under_way_;
    });
  }

 private:
  static constexpr int kUnderWay = 256;
  void WaitFor(int most) {
    absl::MutexLock lock(&mutex_);
    const auto few = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return under_way_ <= most;
    };
    mutex_.Await(absl::Condition(&few));
  }

  SlateCache& cache_;
  absl::Mutex mutex_;
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

struct RefreshRunner::Job {
  mutable absl::Mutex mutex;
  v1::Refresh state ABSL_GUARDED_BY(mutex);
  std::string request_id;
  std::vector<const KindSpec*> kinds;
  size_t slate_size = kDefaultSlate;
  uint64_t epoch = 0;
  bool dry_run = false;
  std::atomic<bool> cancelled{false};

  // What was found for one kind; by the numbers of `members`.
  struct Market {
    std::vector<std::vector<MarketCandidate>> lists;
    std::vector<uint8_t> missing;
    std::vector<uint8_t> exhausted;
    PriceList prices;  // by MemberIndex
  };

  MatchingView view;
  bool everybody = false;
  std::vector<MemberIndex> members;
  std::vector<Market> markets;        // by the order of `kinds`
  std::atomic<uint64_t> revision{0};  // the oldest of what it rests on
  std::atomic<size_t> next{0};
  // How often each candidate stands in a slate.
  std::vector<uint32_t> exposure;  // by MemberIndex
  absl::Status failure ABSL_GUARDED_BY(mutex);

  v1::Refresh Snapshot() const {
    absl::MutexLock lock(&mutex);
    return state;
  }
};

RefreshRunner::RefreshRunner(SlateServer& slates, EpochBoard& epochs,
                             PriceBoard& prices, redis::Client* redis,
                             const Clock& clock, Options options)
    : slates_(slates),
      epochs_(epochs),
      prices_(prices),
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

rpc::Task<void> RefreshRunner::OneMember(Job& job, size_t number) {
  const MemberIndex subject = job.members[number];
  for (size_t k = 0; k < job.kinds.size(); ++k) {
    rpc::CallContext call;
    call.deadline = absl::Now() + options_.timeout;
    SlateRequest request;
    request.kind = job.kinds[k];
    request.profile = options_.profile;
    auto found = co_await slates_.FindForMarket(call, job.view, subject,
                                                request, kKeptCandidates);
    absl::Status failure = found.status();
    // What search could not tell is no slate to keep for a day.
    if (found.ok() &&
        (found->degraded &
         DegradedBit(v1::DEGRADED_REASON_SEARCH_UNAVAILABLE)) != 0) {
      failure = MakeError(absl::StatusCode::kUnavailable, "SEARCH_UNAVAILABLE",
                          "search did not answer during the refresh");
    }
    if (!failure.ok()) {
      absl::MutexLock lock(&job.mutex);
      if (job.failure.ok()) job.failure = failure;
      co_return;
    }
    Job::Market& market = job.markets[k];
    std::vector<MarketCandidate>& list = market.lists[number];
    list.reserve(found->items.size());
    for (const Ranked& ranked : found->items) {
      list.push_back(CandidateOf(ranked));
    }
    market.exhausted[number] = found->exhausted;
    market.missing[number] = found->missing;
    KeepBest(list);
    uint64_t oldest = job.revision.load();
    while (found->revision < oldest &&
           !job.revision.compare_exchange_weak(oldest, found->revision)) {
    }
  }
  absl::MutexLock lock(&job.mutex);
  job.state.set_members_done(job.state.members_done() + 1);
}

rpc::Task<void> RefreshRunner::Worker(std::shared_ptr<Job> job, int* running) {
  while (!job->cancelled) {
    {
      absl::MutexLock lock(&job->mutex);
      if (!job->failure.ok()) break;
    }
    const size_t at = job->next.fetch_add(1);
    if (at >= job->members.size()) break;
    co_await OneMember(*job, at);
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

void RefreshRunner::EnterPhase(Job& job, const char* phase) {
  absl::MutexLock lock(&job.mutex);
  job.state.set_phase(phase);
  job.state.set_members_done(0);
}

absl::Status RefreshRunner::FindCandidates(std::shared_ptr<Job> job) {
  int running = std::max(1, options_.concurrency);
  const int workers = running;
  for (int i = 0; i < workers; ++i) rpc::Spawn(Worker(job, &running));
  absl::MutexLock lock(&job->mutex);
  job->mutex.Await(absl::Condition(
      +[](int* left) { return *left == 0; }, &running));
  return job->failure;
}

absl::Status RefreshRunner::Allocate(Job& job) {
  for (size_t k = 0; k < job.kinds.size(); ++k) {
    Job::Market& market = job.markets[k];
    if (!job.everybody) {
      market.prices.resize(job.view.members.size());
      for (MemberIndex i = 0; i < market.prices.size(); ++i) {
        market.prices[i] = prices_.LogPriceOf(job.kinds[k]->kind, i);
      }
      continue;
    }
    MarketInput input;
    input.kind = job.kinds[k];
    input.members = &job.view.members;
    input.subjects = job.members;
    input.lists = market.lists;
    input.slate_size = job.slate_size;
    MITRA_ASSIGN_OR_RETURN(MarketOutput output, SolveMarketOf(input));
    market.prices = std::move(output.prices);
    absl::MutexLock lock(&job.mutex);
    *job.state.add_markets() = std::move(output.report);
  }
  return absl::OkStatus();
}

absl::Status RefreshRunner::MakeSlates(Job& job) {
  job.exposure.assign(job.view.members.size(), 0);
  Publisher publisher(slates_.cache());
  for (size_t number = 0; number < job.members.size(); ++number) {
    if (job.cancelled) break;
    Subject subject;
    subject.index = job.members[number];
    subject.member = &job.view.members.at(subject.index);
    bool full = true;
    bool empty = true;
    for (size_t k = 0; k < job.kinds.size(); ++k) {
      Job::Market& market = job.markets[k];
      Ranking ranking;
      ranking.revision = job.revision.load();
      ranking.missing = market.missing[number];
      ranking.exhausted = market.exhausted[number] != 0;
      for (const MarketCandidate& candidate : market.lists[number]) {
        ranking.items.push_back(RankedOf(candidate));
        ranking.items.back().score.key += market.prices[candidate.member];
      }
      market.lists[number] = {};
      OrderRanked(job.view, subject, *options_.profile, ranking.items);
      const size_t shown = std::min(ranking.items.size(), job.slate_size);
      for (size_t i = 0; i < shown; ++i) {
        ++job.exposure[ranking.items[i].member];
      }
      full = full && shown == job.slate_size;
      empty = empty && shown == 0;
      if (job.dry_run) continue;
      std::shared_ptr<Slate> slate = slates_.MakeSlate(
          job.view, subject, ranking, job.slate_size * kSpare);
      slate->published = true;
      SlateRequest request;
      request.kind = job.kinds[k];
      request.profile = options_.profile;
      request.parameters = DefaultParameters();
      publisher.Write(slates_.KeyOf(job.view, subject.member->id.view(),
                                    request, job.epoch),
                      std::move(slate));
    }
    absl::MutexLock lock(&job.mutex);
    job.state.set_members_done(number + 1);
    job.state.set_full_slates(job.state.full_slates() + full);
    job.state.set_empty_slates(job.state.empty_slates() + empty);
  }
  Count(job);
  return absl::OkStatus();
}

// Everybody who could have been shown counts, shown or not.
void RefreshRunner::Count(Job& job) {
  uint32_t roles = 0;
  for (const KindSpec* kind : job.kinds) roles |= kind->candidate_roles;
  std::vector<double> counts;
  for (MemberIndex i = 0; i < job.view.members.size(); ++i) {
    const Member& member = job.view.members.at(i);
    const bool candidate =
        !member.deleted && !member.hidden && (member.role_bits & roles) != 0;
    if (candidate || job.exposure[i] > 0) counts.push_back(job.exposure[i]);
  }
  absl::MutexLock lock(&job.mutex);
  job.state.set_exposure_gini(GiniCoefficient(std::move(counts)));
}

void RefreshRunner::PublishEpoch(Job& job) {
  for (size_t k = 0; k < job.kinds.size(); ++k) {
    const KindSpec& kind = *job.kinds[k];
    if (job.everybody) {
      prices_.Publish(kind.kind, std::move(job.markets[k].prices));
    }
    if (redis_ != nullptr && redis_->available()) {
      // Other processes learn of it from here; without it they go on computing.
      redis_->SetIfNewer(redis::EpochKey(kind.name), job.epoch,
                         absl::StrCat(job.epoch), redis::kEpochs.ttl,
                         absl::Now() + kRedisTimeout,
                         [](absl::StatusOr<bool>) {});
    }
    epochs_.Set(kind.kind, job.epoch);
  }
  if (job.everybody && !options_.prices_path.empty()) {
    const absl::Status saved =
        prices_.Save(options_.prices_path, job.view.members);
    if (!saved.ok()) {
      LogWarning("prices not kept", {{"reason", saved.ToString()}});
    }
  }
}

absl::Status RefreshRunner::Refresh(std::shared_ptr<Job> job) {
  EnterPhase(*job, "candidates");
  MITRA_RETURN_IF_ERROR(FindCandidates(job));
  if (job->cancelled) return absl::OkStatus();
  EnterPhase(*job, "allocation");
  MITRA_RETURN_IF_ERROR(Allocate(*job));
  if (job->cancelled) return absl::OkStatus();
  EnterPhase(*job, "publish");
  MITRA_RETURN_IF_ERROR(MakeSlates(*job));
  if (!job->cancelled && !job->dry_run) PublishEpoch(*job);
  return absl::OkStatus();
}

void RefreshRunner::Run(std::shared_ptr<Job> job) {
  job->view = slates_.view();
  job->revision = job->view.revision;
  {
    absl::MutexLock lock(&job->mutex);
    const v1::RefreshScope& scope = job->state.scope();
    job->everybody = scope.region_codes().empty() &&
                     scope.sector_codes().empty() &&
                     scope.profile_ids().empty();
    job->members = MembersOf(job->view, scope);
    job->state.set_state(v1::REFRESH_STATE_RUNNING);
    job->state.set_members_total(job->members.size());
  }
  job->markets.resize(job->kinds.size());
  for (Job::Market& market : job->markets) {
    market.lists.resize(job->members.size());
    market.missing.resize(job->members.size());
    market.exhausted.resize(job->members.size());
  }
  const absl::Status failure = Refresh(job);
  if (!failure.ok()) {
    End(*job, v1::REFRESH_STATE_FAILED, failure);
  } else if (job->cancelled) {
    End(*job, v1::REFRESH_STATE_CANCELLED, absl::OkStatus());
  } else if (job->dry_run) {
    End(*job, v1::REFRESH_STATE_HELD, absl::OkStatus());
  } else {
    {
      absl::MutexLock lock(&job->mutex);
      job->state.set_epoch(job->epoch);
    }
    End(*job, v1::REFRESH_STATE_PUBLISHED, absl::OkStatus());
  }
  // What it held is of no use any more; its state is remembered.
  job->markets = {};
  job->members = {};
  job->exposure = {};
  job->view = {};
  absl::MutexLock lock(&mutex_);
  running_ = false;
}

}  // namespace mitra::matching
