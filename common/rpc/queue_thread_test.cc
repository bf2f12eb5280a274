#include "common/rpc/queue_thread.h"

#include <grpcpp/completion_queue.h>

#include <thread>

#include "common/base/thread_priority.h"
#include "common/rpc/task.h"
#include "gtest/gtest.h"

namespace mitra::rpc::internal {
namespace {

// Where a coroutine was before and after it asked for the courier.
struct Seen {
  std::thread::id before, after;
  bool gave_way = false;
  bool gives_way = true;
};

Task<Seen> Ask(Executor* courier) {
  Seen seen;
  seen.before = std::this_thread::get_id();
  seen.gave_way = ThisThreadGivesWay();
  co_await ByCourier(courier);
  seen.after = std::this_thread::get_id();
  seen.gives_way = ThisThreadGivesWay();
  co_return seen;
}

Seen AskOnThread(bool lowered, Executor* courier) {
  Seen seen;
  std::thread([&] {
    if (lowered) LowerThreadPriority();
    seen = SyncWait(Ask(courier));
  }).join();
  return seen;
}

TEST(ByCourierTest, TakesACoroutineFromAThreadThatGivesWay) {
  if (ThisThreadGivesWay()) GTEST_SKIP() << "the tests run at low priority";
  QueueThread queue(std::make_unique<grpc::CompletionQueue>(),
                    /*has_courier=*/true);

  const Seen seen = AskOnThread(/*lowered=*/true, queue.courier());

  EXPECT_TRUE(seen.gave_way);
  EXPECT_FALSE(seen.gives_way);
  EXPECT_NE(seen.after, seen.before);
}

TEST(ByCourierTest, LeavesACoroutineOnAnyOtherThread) {
  if (ThisThreadGivesWay()) GTEST_SKIP() << "the tests run at low priority";
  QueueThread queue(std::make_unique<grpc::CompletionQueue>(),
                    /*has_courier=*/true);

  const Seen seen = AskOnThread(/*lowered=*/false, queue.courier());

  EXPECT_EQ(seen.after, seen.before);
}

TEST(ByCourierTest, GoesOnWhereThereIsNoCourier) {
  QueueThread queue(std::make_unique<grpc::CompletionQueue>());

  const Seen seen = AskOnThread(/*lowered=*/true, queue.courier());

  EXPECT_EQ(seen.after, seen.before);
}

}  // namespace
}  // namespace mitra::rpc::internal
