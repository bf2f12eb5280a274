// How much the edge takes on: calls in flight, and quota per credential.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_ADMISSION_H_
#define MITRA_SERVICES_GATEWAY_EDGE_ADMISSION_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "mitra/v1/options.pb.h"

namespace mitra::gateway {

// Thread-safe. Tickets must not outlive it.
class Admission {
 public:
  struct Options {
    // Calls open at once. Calls that nobody waits for are shed at 70 % of it,
    // those that a program waits for at 85 %.
    int max_in_flight = 1000;
    // Quota of each credential, in the units of the method option `cost`: what
    // flows in per second and what may be saved up. A rate of 0 sets none.
    double units_per_second = 0;
    double burst_units = 0;
  };

  // An admitted call, until it is destroyed.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)) {}
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(owner_, other.owner_);
      return *this;
    }
    ~Ticket() {
      if (owner_ != nullptr) owner_->Leave();
    }

   private:
    friend class Admission;
    explicit Ticket(Admission* owner) : owner_(owner) {}
    Admission* owner_ = nullptr;
  };

  explicit Admission(const Options& options) : options_(options) {}

  // RESOURCE_EXHAUSTED with RetryInfo: OVERLOADED, or QUOTA_EXCEEDED, then with
  // the wait until the quota reaches.
  absl::StatusOr<Ticket> Enter(absl::string_view credential,
                               const v1::MethodPolicy& policy, absl::Time now);

  int in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

 private:
  struct Bucket {
    double units = 0;
    absl::Time updated = absl::InfinitePast();
  };

  void Leave() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
  int LimitFor(v1::Criticality criticality) const;
  absl::Status Spend(absl::string_view credential, double cost, absl::Time now);

  const Options options_;
  std::atomic<int> in_flight_{0};
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Bucket> buckets_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_ADMISSION_H_
