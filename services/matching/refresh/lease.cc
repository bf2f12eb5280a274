#include "services/matching/refresh/lease.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/redis/keys.h"
#include "common/redis/tasks.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::matching {
namespace {

constexpr char kLockName[] = "refresh";

using Granted = absl::StatusOr<std::optional<redis::LockGrant>>;

Granted Acquired(redis::Client& redis, const std::string& token,
                 absl::Duration lease, absl::Time deadline) {
  return rpc::SyncWait([](redis::Client& client, std::string name,
                          absl::Duration time,
                          absl::Time until) -> rpc::Task<Granted> {
    auto start = [&](std::function<void(Granted)> done) {
      redis::AcquireLock(client, kLockName, name, time, until, std::move(done));
    };
    co_return co_await rpc::Callback<Granted>(start);
  }(redis, token, lease, deadline));
}

}  // namespace

absl::StatusOr<std::optional<Announcement>> FindAnnouncement(
    redis::Client& redis, absl::Duration timeout) {
  MITRA_ASSIGN_OR_RETURN(
      const std::optional<std::string> text,
      rpc::SyncWait(redis::Get(redis, redis::RefreshAnnouncementKey(),
                               absl::Now() + timeout)));
  if (!text) return std::optional<Announcement>();
  const std::vector<std::string> parts =
      absl::StrSplit(*text, absl::MaxSplits('\n', 1));
  if (parts.size() != 2 || parts[0].empty()) {
    return std::optional<Announcement>();
  }
  return std::optional<Announcement>({parts[0], parts[1]});
}

Lease::Lease(redis::Client* redis, const Options& options)
    : redis_(redis), options_(options), token_(redis::NewLockToken()) {}

absl::StatusOr<std::unique_ptr<Lease>> Lease::Take(redis::Client* redis,
                                                   const Options& options) {
  std::unique_ptr<Lease> lease(new Lease(redis, options));
  lease->order_ = static_cast<uint64_t>(absl::ToUnixMicros(absl::Now()));
  if (redis == nullptr) return lease;
  const absl::Status acquired = lease->Acquire();
  if (absl::IsFailedPrecondition(acquired)) return acquired;
  lease->thread_ = std::thread([raw = lease.get()] { raw->Run(); });
  return lease;
}

absl::Status Lease::Acquire() {
  MITRA_ASSIGN_OR_RETURN(std::optional<redis::LockGrant> grant,
                         Acquired(*redis_, token_, options_.lease,
                                  absl::Now() + options_.timeout));
  if (!grant) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "REFRESH_RUNNING",
                     "a refresh is running");
  }
  order_ = std::max<uint64_t>(order_, grant->fence);
  absl::MutexLock lock(&mutex_);
  grant_ = std::move(grant);
  return absl::OkStatus();
}

Lease::~Lease() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
  absl::MutexLock lock(&mutex_);
  if (redis_ == nullptr || !grant_ || lost_) return;
  const absl::Time deadline = absl::Now() + options_.timeout;
  if (!announcement_.refresh_id.empty()) {
    redis_->Unlink({redis::RefreshAnnouncementKey()}, deadline,
                   [](absl::StatusOr<int64_t>) {});
  }
  redis::ReleaseLock(*redis_, *grant_, deadline, [](absl::StatusOr<bool>) {});
}

void Lease::Announce(Announcement announcement) {
  absl::MutexLock lock(&mutex_);
  announcement_ = std::move(announcement);
  wake_ = true;
}

// Asking for the lock with the same token renews it; a lock that Redis has
// lost is taken anew, unless somebody was faster.
void Lease::Renew() {
  if (absl::IsFailedPrecondition(Acquire())) {
    lost_ = true;
    return;
  }
  Announcement announcement;
  {
    absl::MutexLock lock(&mutex_);
    announcement = announcement_;
  }
  if (announcement.refresh_id.empty()) return;
  redis_->SetWithTtl(
      redis::RefreshAnnouncementKey(),
      absl::StrCat(announcement.refresh_id, "\n", announcement.address),
      options_.lease, absl::Now() + options_.timeout, [](absl::Status) {});
}

void Lease::Run() {
  while (!lost_) {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(
          absl::Condition(
              +[](Lease* self) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                return self->stopping_ || self->wake_;
              },
              this),
          options_.lease / 3);
      if (stopping_) return;
      wake_ = false;
    }
    Renew();
  }
}

}  // namespace mitra::matching
