#include "services/gateway/edge/admission.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::gateway {

absl::Status Admission::Check(const Options& options) {
  if (options.adaptive && options.min_in_flight > options.max_in_flight) {
    return InvalidField("limits.min_in_flight",
                        "must not be above limits.max_in_flight");
  }
  if (options.burst_units == 0 ||
      options.burst_units >= options.units_per_second) {
    return absl::OkStatus();
  }
  return InvalidField(
      "limits.burst_units",
      absl::StrCat("must be 0 or at least limits.units_per_second, which is ",
                   options.units_per_second,
                   ": what flows in during a second must fit"));
}

Admission::Admission(const Options& options, QuotaExchange* shared)
    : options_(options),
      limit_({.min = options.min_in_flight, .max = options.max_in_flight}),
      quotas_(shared) {}

void Admission::Ticket::Finished(const absl::Status& status) {
  if (owner_ == nullptr || !owner_->options_.adaptive) return;
  const absl::Time now = absl::Now();
  // A deadline of milliseconds is the caller's own fault.
  const bool late =
      absl::IsDeadlineExceeded(status) && now - start_ > absl::Seconds(1);
  owner_->limit_.OnFinished(method_, now - start_, open_, late, now);
}

int Admission::LimitFor(v1::Criticality criticality) const {
  const int all = limit();
  switch (criticality) {
    case v1::CRITICALITY_BACKGROUND:
      return all * 70 / 100;
    case v1::CRITICALITY_BATCH:
      return all * 85 / 100;
    default:
      return all;
  }
}

absl::StatusOr<Admission::Ticket> Admission::Enter(
    absl::string_view credential, const Quota& quota,
    const v1::MethodPolicy& policy, absl::Time now) {
  const int before = in_flight_.fetch_add(1, std::memory_order_relaxed);
  Ticket ticket(this);
  ticket.method_ = &policy;
  ticket.open_ = before + 1;
  ticket.start_ = now;
  if (before >= LimitFor(policy.criticality())) {
    return WithRetryDelay(
        MakeError(absl::StatusCode::kResourceExhausted, "OVERLOADED",
                  "too many calls are open; less urgent ones are refused "
                  "first"),
        absl::Milliseconds(
            policy.criticality() == v1::CRITICALITY_INTERACTIVE ? 100 : 1000));
  }
  const bool own = quota.units_per_second > 0;
  MITRA_RETURN_IF_ERROR(quotas_.Spend(
      credential,
      own ? quota : Quota{options_.units_per_second, options_.burst_units},
      policy.cost(), now));
  return ticket;
}

}  // namespace mitra::gateway
