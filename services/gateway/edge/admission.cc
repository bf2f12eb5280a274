#include "services/gateway/edge/admission.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::gateway {
namespace {

// Buckets that are full again hold nothing worth keeping.
constexpr size_t kManyBuckets = 10'000;

}  // namespace

int Admission::LimitFor(v1::Criticality criticality) const {
  switch (criticality) {
    case v1::CRITICALITY_BACKGROUND:
      return options_.max_in_flight * 70 / 100;
    case v1::CRITICALITY_BATCH:
      return options_.max_in_flight * 85 / 100;
    default:
      return options_.max_in_flight;
  }
}

absl::StatusOr<Admission::Ticket> Admission::Enter(
    absl::string_view credential, const v1::MethodPolicy& policy,
    absl::Time now) {
  const int before = in_flight_.fetch_add(1, std::memory_order_relaxed);
  Ticket ticket(this);
  if (before >= LimitFor(policy.criticality())) {
    return WithRetryDelay(
        MakeError(absl::StatusCode::kResourceExhausted, "OVERLOADED",
                  "too many calls are open; less urgent ones are refused "
                  "first"),
        absl::Milliseconds(
            policy.criticality() == v1::CRITICALITY_INTERACTIVE ? 100 : 1000));
  }
  MITRA_RETURN_IF_ERROR(Spend(credential, policy.cost(), now));
  return ticket;
}

absl::Status Admission::Spend(absl::string_view credential, double cost,
                              absl::Time now) {
  const double rate = options_.units_per_second;
  if (rate <= 0) return absl::OkStatus();
  const double burst = std::max(options_.burst_units, rate);
  absl::MutexLock lock(&mutex_);
  if (buckets_.size() > kManyBuckets) {
    absl::erase_if(buckets_, [&](const auto& item) {
      return item.second.units +
                 rate * absl::ToDoubleSeconds(now - item.second.updated) >=
             burst;
    });
  }
  Bucket& bucket = buckets_[credential];
  if (bucket.updated == absl::InfinitePast()) {
    bucket.units = burst;
  } else {
    const double seconds =
        std::max(0.0, absl::ToDoubleSeconds(now - bucket.updated));
    bucket.units = std::min(burst, bucket.units + rate * seconds);
  }
  bucket.updated = now;
  // A call dearer than the whole bucket is let through when it is full, else
  // it could never run.
  if (bucket.units >= std::min(cost, burst)) {
    bucket.units -= cost;
    return absl::OkStatus();
  }
  return WithRetryDelay(
      MakeError(absl::StatusCode::kResourceExhausted, "QUOTA_EXCEEDED",
                absl::StrCat("the credential's quota of ", rate,
                             " units per second is used up")),
      absl::Seconds((std::min(cost, burst) - bucket.units) / rate));
}

}  // namespace mitra::gateway
