#include "services/matching/slates/single_flight.h"

#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra::matching {
namespace {

using Flight = SingleFlight<int>;

// Joins and tells what came of it.
struct Joiner {
  rpc::CallContext call;
  std::optional<absl::StatusOr<int>> result;
  bool leads = false;
  absl::Notification over;
};

rpc::Task<void> Join(Flight& flight, Joiner& joiner) {
  std::string key = "key";
  auto joined = co_await flight.Join(joiner.call, std::move(key));
  joiner.leads = !joined.has_value();
  joiner.result = std::move(joined);
  joiner.over.Notify();
}

TEST(SingleFlightTest, OneComputesForAll) {
  Timer timer;
  Flight flight(timer);
  Joiner leader;
  rpc::Spawn(Join(flight, leader));
  ASSERT_TRUE(leader.leads);
  std::vector<std::unique_ptr<Joiner>> others;
  for (int i = 0; i < 500; ++i) {
    others.push_back(std::make_unique<Joiner>());
    rpc::Spawn(Join(flight, *others.back()));
    EXPECT_FALSE(others.back()->over.HasBeenNotified());
  }

  flight.Finish("key", 7);

  for (auto& other : others) {
    ASSERT_TRUE(other->over.HasBeenNotified());
    ASSERT_FALSE(other->leads);
    EXPECT_THAT(*other->result, IsOkAndHolds(7));
  }
  EXPECT_EQ(flight.joined(), 500u);
}

TEST(SingleFlightTest, AWaiterKeepsItsOwnDeadline) {
  Timer timer;
  Flight flight(timer);
  Joiner leader;
  rpc::Spawn(Join(flight, leader));
  Joiner hasty;
  hasty.call.deadline = absl::Now() + absl::Milliseconds(5);
  rpc::Spawn(Join(flight, hasty));

  ASSERT_TRUE(hasty.over.WaitForNotificationWithTimeout(absl::Seconds(10)));

  EXPECT_THAT(*hasty.result, StatusIs(absl::StatusCode::kDeadlineExceeded));
  flight.Finish("key", 1);
}

TEST(SingleFlightTest, AFailureReachesAllAndIsNotKept) {
  Timer timer;
  Flight flight(timer);
  Joiner leader;
  rpc::Spawn(Join(flight, leader));
  Joiner other;
  rpc::Spawn(Join(flight, other));

  flight.Finish("key", absl::InternalError("broken"));

  ASSERT_TRUE(other.over.HasBeenNotified());
  EXPECT_THAT(*other.result, StatusIs(absl::StatusCode::kInternal));
  Joiner next;
  rpc::Spawn(Join(flight, next));
  EXPECT_TRUE(next.leads);
  flight.Finish("key", 1);
}

TEST(SingleFlightTest, ALeaderThatGaveUpHandsOverTheLead) {
  Timer timer;
  Flight flight(timer);
  Joiner leader;
  rpc::Spawn(Join(flight, leader));
  Joiner second;
  Joiner third;
  rpc::Spawn(Join(flight, second));
  rpc::Spawn(Join(flight, third));

  flight.Finish("key", absl::DeadlineExceededError("the leader's own"));

  ASSERT_TRUE(second.over.HasBeenNotified());
  EXPECT_TRUE(second.leads);
  EXPECT_FALSE(third.over.HasBeenNotified());
  flight.Finish("key", 3);
  ASSERT_TRUE(third.over.HasBeenNotified());
  EXPECT_THAT(*third.result, IsOkAndHolds(3));
}

TEST(SingleFlightTest, ManyThreadsNeitherHangNorComputeTwiceAtOnce) {
  Timer timer;
  Flight flight(timer);
  std::atomic<int> computing{0};
  std::atomic<int> most{0};
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        Joiner joiner;
        rpc::Spawn(Join(flight, joiner));
        joiner.over.WaitForNotification();
        if (joiner.leads) {
          most = std::max(most.load(), ++computing);
          --computing;
          flight.Finish("key", i);
        }
        ++done;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(done, 8000);
  EXPECT_EQ(most, 1);
}

}  // namespace
}  // namespace mitra::matching
