#include "services/gateway/proxy/shared_quotas.h"

#include <atomic>

#include "absl/time/clock.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "services/gateway/testing/redis_test.h"
#include "tests/support/eventually.h"

namespace mitra::gateway {
namespace {

class SharedQuotasTest : public RedisTest {
 protected:
  static void Settle(const QuotaBook& book) {
    EXPECT_TRUE(mitra::testing::Eventually([&] { return book.Settled(); }));
  }
};

TEST_F(SharedQuotasTest, TwoGatewaysShareOneBucket) {
  SharedQuotas exchange(*client_);
  QuotaBook here(&exchange);
  QuotaBook there(&exchange);
  const Quota quota = {.units_per_second = 1e-6, .burst_units = 50};
  const absl::Time now = absl::Now();
  int passed = 0;
  for (int i = 0; i < 200; ++i) {
    QuotaBook& book = i % 2 == 0 ? here : there;
    passed += book.Spend("shop", quota, 1, now).ok();
    Settle(book);
  }
  EXPECT_GE(passed, 50);
  // Each may let in one call before it hears of the others'.
  EXPECT_LE(passed, 52);
  EXPECT_TRUE(here.Spend("another", quota, 1, now).ok());
}

TEST_F(SharedQuotasTest, ExchangesOfOneCredentialAreTakenTogether) {
  SharedQuotas exchange(*client_);
  QuotaBook here(&exchange);
  const Quota quota = {.units_per_second = 1e-6, .burst_units = 1000};
  const absl::Time now = absl::Now();
  for (int i = 0; i < 500; ++i) {
    EXPECT_TRUE(here.Spend("shop", quota, 2, now).ok());
  }
  Settle(here);
  QuotaBook there(&exchange);
  // Knows nothing yet, lets one in, and then knows all.
  EXPECT_TRUE(there.Spend("shop", quota, 1, now).ok());
  Settle(there);
  EXPECT_THAT(there.Spend("shop", quota, 1, now), HasReason("QUOTA_EXCEEDED"));
}

TEST_F(SharedQuotasTest, WithoutRedisEachCountsForItself) {
  SharedQuotas exchange(*client_);
  QuotaBook here(&exchange);
  const Quota quota = {.units_per_second = 1e-6, .burst_units = 10};
  const absl::Time now = absl::Now();
  EXPECT_TRUE(here.Spend("shop", quota, 1, now).ok());
  Settle(here);
  server_->Kill();
  int passed = 1;
  for (int i = 0; i < 50; ++i) passed += here.Spend("shop", quota, 1, now).ok();
  EXPECT_EQ(passed, 10);
}

TEST_F(SharedQuotasTest, ABucketBeginsFull) {
  SharedQuotas exchange(*client_);
  const Quota quota = {.units_per_second = 1, .burst_units = 10};
  std::atomic<bool> done = false;
  exchange.Settle("shop", quota, 0, [&](absl::StatusOr<double> left) {
    EXPECT_TRUE(left.ok() && *left == 10) << left.status();
    done = true;
  });
  EXPECT_TRUE(mitra::testing::Eventually([&] { return done.load(); }));
}

}  // namespace
}  // namespace mitra::gateway
