// How much the edge takes on: calls in flight, and quota per credential.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_ADMISSION_H_
#define MITRA_SERVICES_GATEWAY_EDGE_ADMISSION_H_

#include <atomic>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "mitra/v1/options.pb.h"
#include "services/gateway/edge/adaptive_limit.h"
#include "services/gateway/edge/authenticator.h"
#include "services/gateway/edge/quota_book.h"

namespace mitra::gateway {

// Thread-safe. Tickets must not outlive it.
class Admission {
 public:
  struct Options {
    // Calls open at once, at most. Calls that nobody waits for are shed at 70 %
    // of the limit, those that a program waits for at 85 %.
    int max_in_flight = 1000;
    // Whether the limit falls when calls take longer than usual, and how far.
    bool adaptive = true;
    int min_in_flight = 100;
    // Quota of each credential, in the units of the method option `cost`: what
    // flows in per second and what may be saved up. A rate of 0 sets none; a
    // burst of 0 is what flows in during a second.
    double units_per_second = 0;
    double burst_units = 0;
  };

  // INVALID_ARGUMENT naming the configuration's field unless the burst is 0 or
  // holds what flows in during a second.
  static absl::Status Check(const Options& options);

  // An admitted call, until it is destroyed.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)),
          method_(other.method_),
          open_(other.open_),
          start_(other.start_) {}
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(method_, other.method_);
      std::swap(open_, other.open_);
      std::swap(start_, other.start_);
      return *this;
    }
    ~Ticket() {
      if (owner_ != nullptr) owner_->Leave();
    }

    // The service has answered: its time teaches the limit. Not for streams.
    void Finished(const absl::Status& status);

   private:
    friend class Admission;
    explicit Ticket(Admission* owner) : owner_(owner) {}
    Admission* owner_ = nullptr;
    const void* method_ = nullptr;
    int open_ = 0;
    absl::Time start_;
  };

  // `shared` may be null: then each gateway counts for itself. Else it must
  // outlive this.
  explicit Admission(const Options& options, QuotaExchange* shared = nullptr);

  // RESOURCE_EXHAUSTED with RetryInfo: OVERLOADED, or QUOTA_EXCEEDED, then with
  // the wait until the quota reaches. `quota` is the credential's own, if it
  // has one. `policy` must outlive the ticket and be the same object for each
  // call of a method.
  absl::StatusOr<Ticket> Enter(absl::string_view credential, const Quota& quota,
                               const v1::MethodPolicy& policy, absl::Time now);

  int in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  int limit() const {
    return options_.adaptive ? limit_.limit() : options_.max_in_flight;
  }

 private:
  void Leave() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
  int LimitFor(v1::Criticality criticality) const;

  const Options options_;
  std::atomic<int> in_flight_{0};
  AdaptiveLimit limit_;
  QuotaBook quotas_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_ADMISSION_H_
