#include "services/search/rpc/crew.h"

#include <set>
#include <thread>
#include <vector>

#include "absl/synchronization/barrier.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/task.h"
#include "common/rpc/turn.h"
#include "gtest/gtest.h"

namespace mitra::search {
namespace {

// Who answered what.
struct Log {
  absl::Mutex mutex;
  std::vector<int> order;
  std::set<std::thread::id> threads;

  void Add(int number) {
    absl::MutexLock lock(&mutex);
    order.push_back(number);
    threads.insert(std::this_thread::get_id());
  }
};

rpc::Task<> Answer(Crew& crew, int number, Log& log,
                   absl::Barrier* meeting = nullptr) {
  co_await crew.Enter();
  log.Add(number);
  if (meeting != nullptr && meeting->Block()) delete meeting;
}

TEST(CrewTest, WithoutTurnsOrHelpersNobodyWaits) {
  Log log;
  Crew crew(1);
  rpc::Spawn(Answer(crew, 1, log));
  EXPECT_EQ(log.order, std::vector<int>({1}));
  Crew alone(0);
  rpc::TakeTurns(nullptr);
  rpc::Spawn(Answer(alone, 2, log));
  EXPECT_EQ(log.order, std::vector<int>({1, 2}));
  EXPECT_FALSE(rpc::TurnHasWork());
  rpc::LeaveTurns();
}

TEST(CrewTest, TheFirstOfATurnIsNotKeptWaiting) {
  Log log;
  Crew crew(1);
  rpc::TakeTurns(nullptr);
  for (int turn = 0; turn < 2; ++turn) {
    log.order.clear();
    rpc::Spawn(Answer(crew, 1, log));
    EXPECT_EQ(log.order, std::vector<int>({1}));
    rpc::EndTurn();
  }
  EXPECT_EQ(log.threads, std::set({std::this_thread::get_id()}));
  rpc::LeaveTurns();
}

TEST(CrewTest, OneMoreIsAnsweredAtTheEndOfTheTurnByItsThread) {
  Log log;
  Crew crew(1);
  rpc::TakeTurns(nullptr);
  rpc::Spawn(Answer(crew, 1, log));
  rpc::Spawn(Answer(crew, 2, log));
  EXPECT_EQ(log.order, std::vector<int>({1}));
  ASSERT_TRUE(rpc::TurnHasWork());
  rpc::EndTurn();
  EXPECT_EQ(log.order, std::vector<int>({1, 2}));
  EXPECT_EQ(log.threads, std::set({std::this_thread::get_id()}));
  rpc::LeaveTurns();
}

TEST(CrewTest, AHelperTakesPartOfWhatComesInOneTurn) {
  Log log;
  Crew crew(1);
  rpc::TakeTurns(nullptr);
  rpc::Spawn(Answer(crew, 0, log));
  // Neither ends before both are under way.
  auto* const meeting = new absl::Barrier(2);
  rpc::Spawn(Answer(crew, 1, log, meeting));
  rpc::Spawn(Answer(crew, 2, log, meeting));
  rpc::EndTurn();
  rpc::LeaveTurns();
  // The two may be noted in either order.
  EXPECT_EQ(std::set<int>(log.order.begin(), log.order.end()),
            std::set<int>({0, 1, 2}));
  EXPECT_EQ(log.threads.size(), 2U);
}

TEST(CrewTest, WhatWaitsIsRunBeforeItEnds) {
  Log log;
  rpc::TakeTurns(nullptr);
  {
    Crew crew(2);
    for (int i = 0; i < 50; ++i) rpc::Spawn(Answer(crew, i, log));
    rpc::EndTurn();
  }
  rpc::LeaveTurns();
  EXPECT_EQ(log.order.size(), 50U);
}

}  // namespace
}  // namespace mitra::search
