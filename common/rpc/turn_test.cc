#include "common/rpc/turn.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "common/rpc/task.h"

namespace mitra::rpc {
namespace {

// A thread of its own, so that no turn is left to other tests.
template <typename Body>
void OnThread(Body body) {
  std::thread(body).join();
}

TEST(TurnTest, WorkRunsAtTheEndInItsOrder) {
  OnThread([] {
    TakeTurns(nullptr);
    std::string done;
    EXPECT_FALSE(TurnHasWork());
    EXPECT_TRUE(AtEndOfTurn([&] { done += "a"; }));
    EXPECT_TRUE(AtEndOfTurn([&] { done += "b"; }));
    EXPECT_TRUE(TurnHasWork());
    EXPECT_EQ(done, "");
    EndTurn();
    EXPECT_EQ(done, "ab");
    EXPECT_FALSE(TurnHasWork());
    LeaveTurns();
  });
}

TEST(TurnTest, ALoopIsToldOncePerTurn) {
  OnThread([] {
    int begun = 0;
    TakeTurns([&] { ++begun; });
    AtEndOfTurn([] {});
    AtEndOfTurn([] {});
    EXPECT_EQ(begun, 1);
    EndTurn();
    // What the work asks for is the next turn's, of which the loop hears too.
    AtEndOfTurn([] { AtEndOfTurn([] {}); });
    EXPECT_EQ(begun, 2);
    EndTurn();
    EXPECT_EQ(begun, 3);
    EXPECT_TRUE(TurnHasWork());
    LeaveTurns();
    EXPECT_FALSE(TurnHasWork());
  });
}

TEST(TurnTest, OtherThreadsHaveNoTurns) {
  OnThread([] {
    EXPECT_FALSE(AtEndOfTurn([] { ADD_FAILURE() << "nobody would run it"; }));
    EXPECT_FALSE(TurnHasWork());
    bool went_on = false;
    Spawn([](bool& on) -> Task<> {
      co_await Yield();
      on = true;
    }(went_on));
    EXPECT_TRUE(went_on) << "at once";
  });
}

TEST(TurnTest, ACoroutineThatYieldsGoesOnAtTheEnd) {
  OnThread([] {
    TakeTurns(nullptr);
    bool went_on = false;
    Spawn([](bool& on) -> Task<> {
      co_await Yield();
      on = true;
    }(went_on));
    EXPECT_FALSE(went_on);
    EndTurn();
    EXPECT_TRUE(went_on);
    LeaveTurns();
  });
}

}  // namespace
}  // namespace mitra::rpc
