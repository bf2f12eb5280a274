// What processes share of slates through Redis, against a real one.

#include "services/matching/slates/slate_cache.h"

#include "absl/synchronization/notification.h"
#include "common/base/fake_clock.h"
#include "common/redis/hiredis_client.h"
#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"

namespace mitra::matching {
namespace {

class SlateCacheTest : public ::testing::Test {
 protected:
  SlateCacheTest() {
    auto started = mitra::testing::RedisServer::Start();
    EXPECT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    redis::HiredisClient::Options options;
    options.target = server_->target();
    options.connect_timeout = absl::Seconds(1);
    options.command_timeout = absl::Seconds(5);
    auto client = redis::HiredisClient::Create(options);
    EXPECT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }

  // A process's cache.
  std::unique_ptr<SlateCache> NewCache(SlateCache::Options options = {}) {
    options.redis_timeout = absl::Seconds(5);
    return std::make_unique<SlateCache>(client_.get(), nullptr, clock_,
                                        options);
  }
  SharedSlate ASlate(uint64_t id) {
    auto slate = std::make_shared<Slate>();
    slate->slate_id = id;
    slate->subject_state = 7;
    slate->subject_incarnation = 1;
    slate->revision = 9;
    slate->compute_time = clock_.Now();
    return slate;
  }
  static bool Has(SlateCache& cache, const std::string& key, uint64_t id) {
    const SharedSlate slate = rpc::SyncWait(cache.Get(key, {7, 1, 0}));
    return slate != nullptr && slate->slate_id == id;
  }

  FakeClock clock_;
  std::unique_ptr<mitra::testing::RedisServer> server_;
  std::unique_ptr<redis::Client> client_;
};

TEST_F(SlateCacheTest, SlatesThatLeaveTogetherReachOtherProcesses) {
  Timer timer;
  const auto cache = NewCache({.timer = &timer});
  const auto other = NewCache();

  cache->Put("a", ASlate(1));
  cache->Put("b", ASlate(2));
  cache->Put("mine", ASlate(3), /*for_all=*/false);

  EXPECT_TRUE(Has(*cache, "a", 1));
  EXPECT_TRUE(mitra::testing::Eventually([&] { return Has(*other, "a", 1); }));
  EXPECT_TRUE(mitra::testing::Eventually([&] { return Has(*other, "b", 2); }));
  EXPECT_FALSE(Has(*other, "mine", 3));
  // And the next ones after them.
  cache->Put("c", ASlate(4));
  EXPECT_TRUE(mitra::testing::Eventually([&] { return Has(*other, "c", 4); }));
}

TEST_F(SlateCacheTest, WhatHasNotLeftWhenACacheEndsIsDropped) {
  Timer timer;
  constexpr absl::Duration kDelay = absl::Milliseconds(1);
  auto cache = NewCache({.timer = &timer, .write_delay = kDelay});
  cache->Put("a", ASlate(1));

  cache.reset();

  absl::Notification after;
  timer.At(absl::Now() + 2 * kDelay, [&] { after.Notify(); });
  after.WaitForNotification();
}

}  // namespace
}  // namespace mitra::matching
