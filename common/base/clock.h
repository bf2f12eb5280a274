// The time of day, as a port: code that decides by time takes a Clock.

#ifndef MITRA_COMMON_BASE_CLOCK_H_
#define MITRA_COMMON_BASE_CLOCK_H_

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace mitra {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

}  // namespace mitra

#endif  // MITRA_COMMON_BASE_CLOCK_H_
