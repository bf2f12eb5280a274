#include "common/rpc/task.h"

#include <stdexcept>
#include <string>
#include <thread>

#include "common/rpc/executor.h"
#include "gtest/gtest.h"

namespace mitra::rpc {
namespace {

Task<int> Add(int a, int b) { co_return a + b; }

Task<int> SumTo(int n) {
  int sum = 0;
  for (int i = 1; i <= n; ++i) sum = co_await Add(sum, i);
  co_return sum;
}

TEST(TaskTest, AwaitsOthersInOrder) { EXPECT_EQ(SyncWait(SumTo(100)), 5050); }

TEST(TaskTest, LongChainsDoNotGrowTheStack) {
  EXPECT_EQ(SyncWait(SumTo(50'000)), 1250025000);
}

TEST(TaskTest, PassesExceptionsToTheAwaiter) {
  const auto fails = []() -> Task<int> {
    throw std::runtime_error("no");
    co_return 1;
  };
  EXPECT_THROW((void)SyncWait(fails()), std::runtime_error);
}

TEST(TaskTest, ATaskThatIsNeverAwaitedRunsNothing) {
  bool ran = false;
  const auto work = [](bool& flag) -> Task<> {
    flag = true;
    co_return;
  };
  { auto task = work(ran); }
  EXPECT_FALSE(ran);
}

TEST(TaskTest, CallbackResumesWithTheValueFromAnotherThread) {
  std::thread thread;
  const auto work = [](std::thread& worker) -> Task<std::string> {
    auto start = [&](std::function<void(std::string)> done) {
      worker = std::thread([done] { done("hello"); });
    };
    co_return co_await Callback<std::string>(start);
  };
  EXPECT_EQ(SyncWait(work(thread)), "hello");
  thread.join();
}

TEST(TaskTest, CallbackMayFinishAtOnce) {
  const auto work = []() -> Task<int> {
    auto start = [](std::function<void(int)> done) { done(7); };
    co_return co_await Callback<int>(start);
  };
  EXPECT_EQ(SyncWait(work()), 7);
}

TEST(ExecutorTest, EnterMovesTheCoroutineToThePool) {
  Executor executor({.threads = 1, .max_queue = 10});
  const auto work = [](Executor& pool) -> Task<std::thread::id> {
    const bool entered = co_await pool.Enter();
    EXPECT_TRUE(entered);
    co_return std::this_thread::get_id();
  };
  EXPECT_NE(SyncWait(work(executor)), std::this_thread::get_id());
}

TEST(ExecutorTest, RefusesWorkBeyondTheQueue) {
  absl::Mutex gate;
  gate.Lock();
  Executor executor({.threads = 1, .max_queue = 1});
  absl::Mutex started;
  bool running = false;
  ASSERT_TRUE(executor.TrySchedule([&] {
    {
      absl::MutexLock lock(&started);
      running = true;
    }
    absl::MutexLock lock(&gate);
  }));
  started.LockWhen(absl::Condition(&running));
  started.Unlock();
  ASSERT_TRUE(executor.TrySchedule([] {}));

  EXPECT_FALSE(executor.TrySchedule([] {}));

  gate.Unlock();
}

}  // namespace
}  // namespace mitra::rpc
