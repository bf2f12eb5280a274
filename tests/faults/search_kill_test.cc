// kill -9 between any two steps of writing a snapshot of search or of taking a
// new graph: what is restored is the whole state before or the whole state
// after.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iterator>
#include <map>
#include <string>

#include "common/base/failpoint.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "services/search/snapshot/index_snapshot.h"
#include "services/search/testing/sample_index.h"
#include "tests/support/campaign.h"
#include "tests/support/temp_dir.h"

namespace mitra::search {
namespace {

constexpr const char* kPoints[] = {
    "snapshot/block",   "snapshot/kept_previous", "snapshot/written",
    "snapshot/renamed", "index/graph_published",  "snapshot/synced",
    "snapshot/begun",   "index/graph_built"};

// The changes of one round, the same whenever it is played.
void PlayRound(IndexState& state, uint64_t round) {
  SampleIndex changes(static_cast<uint32_t>(100 + round));
  changes.set_revision(1000 * (round + 1));
  for (int i = 0; i < 60; ++i) {
    changes.Put(state, static_cast<int>((round * 37 + i * 5) % 400));
  }
  for (int i = 0; i < 5; ++i) {
    changes.Delete(state, static_cast<int>((round * 11 + i * 7) % 400));
  }
  changes.Commit(state);
  Settle(state);
}

void Begin(IndexState& state) {
  SampleIndex first(7);
  first.Fill(state, 150);
}

// In a process of its own: restores, plays a round and writes a snapshot,
// unless it is ended before.
[[noreturn]] void Child(const std::string& path, uint64_t round,
                        const char* point, uint32_t nth) {
  IndexState state(SampleOptions());
  if (RestoreIndexSnapshot(state, path).watermark == 0) _exit(3);
  if (!state.SetHeader(HeaderFor(SampleIndex::kDimension)).ok()) _exit(4);
  ArmFailpoint(point, nth);
  PlayRound(state, round);
  _exit(WriteIndexSnapshot(state, path).ok() ? 0 : 5);
}

TEST(SearchKillTest, WhatIsRestoredIsWholeWhereverTheProcessDied) {
  mitra::testing::TempDir folder;
  const std::string path = folder.File("index");
  IndexState model(SampleOptions());
  Begin(model);
  MITRA_ASSERT_OK(WriteIndexSnapshot(model, path));
  std::string before = AnswersOf(model);

  const uint64_t kills = mitra::testing::CampaignCases(8);
  std::map<std::string, int> killed;
  uint64_t round = 0;
  uint64_t total = 0;
  // Rounds in which the point was not reached so often end without a kill.
  for (; total < kills && round < 3 * kills + 16; ++round) {
    const char* point = kPoints[round % std::size(kPoints)];
    const auto nth = static_cast<uint32_t>(
        std::string(point) == "snapshot/block" ? 1 + round / 8 % 30 : 1);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) Child(path, round, point, nth);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    const bool dead = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    ASSERT_TRUE(dead || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
        << point << ": status " << status;
    if (dead) {
      ++killed[point];
      ++total;
    }

    IndexState restored(SampleOptions());
    const uint64_t watermark = RestoreIndexSnapshot(restored, path).watermark;
    const std::string found = AnswersOf(restored);
    if (found == before) {
      // A whole state before. A round that ended well must have come through.
      ASSERT_TRUE(dead) << point;
      ASSERT_EQ(watermark, model.Read()->watermark);
      continue;
    }
    PlayRound(model, round);
    before = AnswersOf(model);
    ASSERT_EQ(watermark, model.Read()->watermark) << point;
    ASSERT_EQ(found, before) << point;
  }
  EXPECT_EQ(total, kills);
  for (const auto& [point, count] : killed) {
    std::printf("killed %d times at %s\n", count, point.c_str());
  }
}

}  // namespace
}  // namespace mitra::search
