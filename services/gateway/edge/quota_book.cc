#include "services/gateway/edge/quota_book.h"

#include <algorithm>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/status/errors.h"

namespace mitra::gateway {
namespace {

// Buckets that are full again hold nothing worth keeping.
constexpr size_t kManyBuckets = 10'000;

struct Bucket {
  double units = 0;
  absl::Time updated = absl::InfinitePast();
  Quota quota;
  // Spent here and not told yet.
  double unsettled = 0;
  bool settling = false;

  double UnitsAt(absl::Time now) const {
    const double seconds = std::max(0.0, absl::ToDoubleSeconds(now - updated));
    return std::min(quota.burst_units,
                    units + quota.units_per_second * seconds);
  }
};

}  // namespace

struct QuotaBook::State : std::enable_shared_from_this<State> {
  explicit State(QuotaExchange* with) : exchange(with) {}

  // Without the lock.
  void Settle(const std::string& credential, const Quota& quota, double spent);
  void OnSettled(const std::string& credential,
                 const absl::StatusOr<double>& left);

  QuotaExchange* const exchange;
  mutable absl::Mutex mutex;
  absl::flat_hash_map<std::string, Bucket> buckets ABSL_GUARDED_BY(mutex);
  int settling ABSL_GUARDED_BY(mutex) = 0;
};

void QuotaBook::State::Settle(const std::string& credential, const Quota& quota,
                              double spent) {
  exchange->Settle(
      credential, quota, spent,
      [state = weak_from_this(), credential](absl::StatusOr<double> left) {
        if (const auto self = state.lock()) self->OnSettled(credential, left);
      });
}

void QuotaBook::State::OnSettled(const std::string& credential,
                                 const absl::StatusOr<double>& left) {
  Quota quota;
  double spent = 0;
  {
    absl::MutexLock lock(&mutex);
    const auto it = buckets.find(credential);  // kept while it settles
    Bucket& bucket = it->second;
    quota = bucket.quota;
    spent = std::exchange(bucket.unsettled, 0);
    if (!left.ok()) {
      // The others may never hear of it; this gateway has counted it.
      spent = 0;
    } else {
      bucket.units = std::min(*left - spent, quota.burst_units);
    }
    bucket.settling = spent > 0;
    if (spent == 0) --settling;
  }
  if (spent > 0) Settle(credential, quota, spent);
}

QuotaBook::QuotaBook(QuotaExchange* exchange)
    : state_(std::make_shared<State>(exchange)) {}

QuotaBook::~QuotaBook() = default;

bool QuotaBook::Settled() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->settling == 0;
}

absl::Status QuotaBook::Spend(absl::string_view credential, Quota quota,
                              double cost, absl::Time now) {
  const double rate = quota.units_per_second;
  if (rate <= 0) return absl::OkStatus();
  if (quota.burst_units <= 0) quota.burst_units = rate;
  State& state = *state_;
  double spent = 0;
  absl::Duration wait;
  bool settle = false;
  {
    absl::MutexLock lock(&state.mutex);
    if (state.buckets.size() > kManyBuckets) {
      absl::erase_if(state.buckets, [now](const auto& item) {
        const Bucket& bucket = item.second;
        return !bucket.settling &&
               bucket.UnitsAt(now) >= bucket.quota.burst_units;
      });
    }
    Bucket& bucket = state.buckets[credential];
    const bool fresh = bucket.updated == absl::InfinitePast();
    bucket.quota = quota;
    bucket.units = fresh ? quota.burst_units : bucket.UnitsAt(now);
    bucket.updated = now;
    const double needed = std::min(cost, quota.burst_units);
    if (bucket.units >= needed) {
      bucket.units -= cost;
      bucket.unsettled += cost;
    } else {
      wait = absl::Seconds((needed - bucket.units) / rate);
    }
    if (state.exchange != nullptr && !bucket.settling && bucket.unsettled > 0) {
      settle = bucket.settling = true;
      spent = std::exchange(bucket.unsettled, 0);
      ++state.settling;
    }
  }
  if (settle) state.Settle(std::string(credential), quota, spent);
  if (wait == absl::ZeroDuration()) return absl::OkStatus();
  return WithRetryDelay(
      MakeError(absl::StatusCode::kResourceExhausted, "QUOTA_EXCEEDED",
                absl::StrCat("the credential's quota of ", rate,
                             " units per second is used up")),
      wait);
}

}  // namespace mitra::gateway
