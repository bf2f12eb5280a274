// A clock that stands still until a test moves it.

#ifndef MITRA_COMMON_BASE_FAKE_CLOCK_H_
#define MITRA_COMMON_BASE_FAKE_CLOCK_H_

#include <atomic>

#include "common/base/clock.h"

namespace mitra {

// Thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(absl::Time start = absl::FromUnixSeconds(1'750'000'000))
      : nanos_(absl::ToUnixNanos(start)) {}
  absl::Time Now() const override { return absl::FromUnixNanos(nanos_.load()); }
  void Advance(absl::Duration step) {
    nanos_.fetch_add(absl::ToInt64Nanoseconds(step));
  }

 private:
  std::atomic<int64_t> nanos_;
};

}  // namespace mitra

#endif  // MITRA_COMMON_BASE_FAKE_CLOCK_H_
