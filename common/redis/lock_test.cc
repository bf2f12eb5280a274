#include "common/redis/lock.h"

#include <memory>
#include <optional>
#include <string>

#include "absl/time/clock.h"
#include "common/redis/hiredis_client.h"
#include "common/redis/keys.h"
#include "common/rpc/task.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"

namespace mitra::redis {
namespace {

using ::mitra::rpc::Callback;
using ::mitra::rpc::SyncWait;
using ::mitra::rpc::Task;
using ::mitra::testing::Eventually;
using ::mitra::testing::RedisServer;

using GrantOr = absl::StatusOr<std::optional<LockGrant>>;

class LockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = RedisServer::Start();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    auto client = HiredisClient::Create({.target = server_->target(),
                                         .connect_timeout = absl::Seconds(10),
                                         .command_timeout = absl::Seconds(10)});
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }

  Task<GrantOr> AcquireTask(std::string token, absl::Duration lease) {
    auto start = [&](std::function<void(GrantOr)> done) {
          AcquireLock(*client_, "job", token, lease,
                      absl::Now() + absl::Seconds(10), std::move(done));
        };
    co_return co_await Callback<GrantOr>(start);
  }
  Task<GrantOr> ExtendTask(LockGrant grant, absl::Duration lease) {
    auto start = [&](std::function<void(GrantOr)> done) {
          ExtendLock(*client_, grant, lease, absl::Now() + absl::Seconds(10),
                     std::move(done));
        };
    co_return co_await Callback<GrantOr>(start);
  }
  Task<absl::StatusOr<bool>> ReleaseTask(LockGrant grant) {
    auto start = [&](std::function<void(absl::StatusOr<bool>)> done) {
          ReleaseLock(*client_, grant, absl::Now() + absl::Seconds(10),
                      std::move(done));
        };
    co_return co_await Callback<absl::StatusOr<bool>>(start);
  }

  // The grant, or nothing if somebody else has the lock.
  std::optional<LockGrant> Acquire(std::string token,
                                   absl::Duration lease = absl::Minutes(1)) {
    GrantOr grant = SyncWait(AcquireTask(std::move(token), lease));
    EXPECT_TRUE(grant.ok()) << grant.status();
    return grant.ok() ? *grant : std::nullopt;
  }

  std::unique_ptr<RedisServer> server_;
  std::unique_ptr<HiredisClient> client_;
};

TEST_F(LockTest, IsHeldByOne) {
  const auto mine = Acquire("mine");
  ASSERT_TRUE(mine.has_value());
  EXPECT_EQ(Acquire("other"), std::nullopt);

  EXPECT_THAT(SyncWait(ReleaseTask(*mine)), IsOkAndHolds(true));
  EXPECT_TRUE(Acquire("other").has_value());
}

TEST_F(LockTest, GivesTheSameNumberToWhoAsksAgain) {
  const auto first = Acquire("mine");
  const auto again = Acquire("mine");
  ASSERT_TRUE(first.has_value() && again.has_value());
  EXPECT_EQ(first->fence, again->fence);
}

TEST_F(LockTest, NumbersGrowEvenWhenEverythingIsLost) {
  uint64_t last = 0;
  for (int round = 0; round < 5; ++round) {
    const auto grant = Acquire(NewLockToken());
    ASSERT_TRUE(grant.has_value());
    EXPECT_GT(grant->fence, last);
    last = grant->fence;
    if (round % 2 == 0) {
      EXPECT_THAT(SyncWait(ReleaseTask(*grant)), IsOkAndHolds(true));
    } else {
      EXPECT_EQ(server_->Cli({"FLUSHALL"}), "OK");
    }
  }
}

TEST_F(LockTest, IsReleasedAndExtendedByItsOwnerOnly) {
  const auto mine = Acquire("mine");
  ASSERT_TRUE(mine.has_value());
  LockGrant forged = *mine;
  forged.token = "other";

  EXPECT_THAT(SyncWait(ReleaseTask(forged)), IsOkAndHolds(false));
  EXPECT_THAT(SyncWait(ExtendTask(forged, absl::Minutes(1))),
              IsOkAndHolds(std::nullopt));
  EXPECT_EQ(Acquire("other"), std::nullopt);
  const auto extended = SyncWait(ExtendTask(*mine, absl::Minutes(5)));
  ASSERT_TRUE(extended.ok() && extended->has_value());
  EXPECT_EQ((*extended)->fence, mine->fence);
  EXPECT_GT(std::stoll(server_->Cli({"PTTL", LockKey("job")})), 60'000);
}

TEST_F(LockTest, PassesOnWhenItsOwnerDies) {
  const auto dead = Acquire("dead", absl::Milliseconds(50));
  ASSERT_TRUE(dead.has_value());
  std::optional<LockGrant> next;
  ASSERT_TRUE(Eventually([&] { return (next = Acquire("next")).has_value(); }));

  EXPECT_GT(next->fence, dead->fence);
  EXPECT_THAT(SyncWait(ExtendTask(*dead, absl::Minutes(1))),
              IsOkAndHolds(std::nullopt));
  EXPECT_THAT(SyncWait(ReleaseTask(*dead)), IsOkAndHolds(false));
  EXPECT_EQ(Acquire("third"), std::nullopt);
}

TEST_F(LockTest, LeavesNoKeyWithoutExpiry) {
  ASSERT_TRUE(Acquire("mine").has_value());
  EXPECT_GT(std::stoll(server_->Cli({"PTTL", LockKey("job")})), 0);
  EXPECT_GT(std::stoll(server_->Cli({"PTTL", FenceKey("job")})), 0);
  EXPECT_EQ(server_->Cli({"DBSIZE"}), "2");
}

TEST_F(LockTest, RefusesLeasesOutOfRange) {
  for (const absl::Duration lease : {absl::ZeroDuration(), absl::Hours(2)}) {
    EXPECT_THAT(SyncWait(AcquireTask("t", lease)).status(),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(SyncWait(AcquireTask("", absl::Minutes(1))).status(),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace mitra::redis
