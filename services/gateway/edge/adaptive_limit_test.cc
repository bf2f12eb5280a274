#include "services/gateway/edge/adaptive_limit.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace mitra::gateway {
namespace {

// A service that takes 10 ms for a call while no more than `capacity` are open,
// and longer in proportion when there are more.
class Simulation {
 public:
  explicit Simulation(const AdaptiveLimit::Options& options)
      : limit_(options) {}

  // Callers keep `wanted` calls open for `time`; what is above the limit is
  // turned away.
  void Run(int wanted, int capacity, absl::Duration time) {
    const absl::Time end = now_ + time;
    while (now_ < end) {
      const int open = std::min(wanted, limit_.limit());
      const absl::Duration latency =
          absl::Milliseconds(10) *
          std::max(1.0, static_cast<double>(open) / capacity);
      now_ += latency;
      for (int i = 0; i < open; ++i) {
        limit_.OnFinished(&method_, latency, open, failing_, now_);
      }
    }
  }
  void Fail(bool failing) { failing_ = failing; }
  int limit() const { return limit_.limit(); }

 private:
  AdaptiveLimit limit_;
  absl::Time now_ = absl::FromUnixSeconds(1000);
  int method_ = 0;
  bool failing_ = false;
};

TEST(AdaptiveLimitTest, StaysAtTheTopWhileNothingQueues) {
  Simulation service({.min = 10, .max = 500});
  service.Run(400, 1000, absl::Seconds(60));
  EXPECT_EQ(service.limit(), 500);
}

TEST(AdaptiveLimitTest, FallsToWhatTheServiceCarriesAndRisesAgain) {
  Simulation service({.min = 10, .max = 500});
  service.Run(40, 50, absl::Seconds(10));
  EXPECT_EQ(service.limit(), 500) << "a light load teaches no lower limit";
  service.Run(2000, 50, absl::Seconds(10));
  EXPECT_LE(service.limit(), 150) << "2,000 wanted, 50 carried at full speed";
  EXPECT_GE(service.limit(), 40);
  service.Run(2000, 5000, absl::Seconds(60));
  EXPECT_EQ(service.limit(), 500) << "there is more capacity now";
}

TEST(AdaptiveLimitTest, NeverFallsBelowItsFloor) {
  Simulation service({.min = 30, .max = 500});
  service.Run(25, 50, absl::Seconds(5));
  service.Run(2000, 1, absl::Seconds(90));
  EXPECT_EQ(service.limit(), 30);
}

TEST(AdaptiveLimitTest, ServicesThatAreAwayLowerIt) {
  Simulation service({.min = 10, .max = 500});
  service.Run(300, 1000, absl::Seconds(5));
  service.Fail(true);
  service.Run(300, 1000, absl::Seconds(5));
  EXPECT_LT(service.limit(), 300);
}

TEST(AdaptiveLimitTest, ASlowerServiceBecomesTheUsualOne) {
  Simulation service({.min = 10, .max = 500});
  service.Run(40, 50, absl::Seconds(10));
  service.Run(40, 10, absl::Minutes(2));
  service.Run(400, 100, absl::Minutes(2));
  EXPECT_GT(service.limit(), 100);
}

TEST(AdaptiveLimitTest, AFewCallsProveNothing) {
  AdaptiveLimit limit({.min = 1, .max = 500});
  int method = 0;
  for (int i = 0; i < AdaptiveLimit::kMinSamples - 1; ++i) {
    limit.OnFinished(&method, absl::Seconds(i + 1), 400, true,
                     absl::FromUnixSeconds(i));
  }
  EXPECT_EQ(limit.limit(), 500);
}

}  // namespace
}  // namespace mitra::gateway
