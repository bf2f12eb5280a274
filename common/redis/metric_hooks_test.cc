#include "common/redis/metric_hooks.h"

#include "common/observability/metrics.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"

namespace mitra::redis {
namespace {

uint64_t Commands(const char* command, const char* code) {
  return Metrics()
      .GetCounter("mitra_redis_commands_total", "",
                  {{"command", command}, {"code", code}})
      .value();
}

TEST(MetricHooksTest, CommandsAreCountedAndLossesToo) {
  auto server = mitra::testing::RedisServer::Start();
  ASSERT_TRUE(server.ok()) << server.status();
  HiredisClient::Options options;
  options.target = (*server)->target();
  options.hooks = MetricHooks();
  auto client = HiredisClient::Create(options);
  ASSERT_TRUE(client.ok());
  const auto ask = [&] {
    (*client)->Execute({"GET", "nothing"}, absl::Now() + absl::Seconds(1),
                       [](absl::StatusOr<Reply>) {});
  };
  EXPECT_TRUE(mitra::testing::Eventually([&] {
    ask();
    return Commands("GET", "OK") > 0;
  }));
  (*server)->Kill();
  Gauge& open = Metrics().GetGauge("mitra_redis_breakers_open", "");
  EXPECT_TRUE(mitra::testing::Eventually([&] {
    ask();
    return open.value() > 0 && Commands("GET", "UNAVAILABLE") > 0;
  }));
}

}  // namespace
}  // namespace mitra::redis
