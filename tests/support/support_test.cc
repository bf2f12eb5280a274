#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/process.h"
#include "tests/support/redis_server.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace mitra::testing {
namespace {

using ::testing::HasSubstr;

TEST(TempDirTest, IsRemovedWithItsContent) {
  std::string path;
  {
    TempDir dir;
    path = dir.path();
    WriteFileOrDie(dir.File("a"), "content");
    EXPECT_EQ(ReadFileOrEmpty(dir.File("a")), "content");
  }
  EXPECT_EQ(access(path.c_str(), F_OK), -1);
}

TEST(EventuallyTest, StopsWhenTheConditionHolds) {
  int asked = 0;
  EXPECT_TRUE(Eventually([&] { return ++asked == 3; }));
  EXPECT_EQ(asked, 3);
}

TEST(EventuallyTest, GivesUpAtTheDeadline) {
  EXPECT_FALSE(Eventually([] { return false; }, absl::Milliseconds(5)));
}

TEST(ProcessTest, GivesExitCodeAndOutput) {
  MITRA_ASSERT_OK_AND_ASSIGN(
      const CommandResult result,
      RunCommand({"sh", "-c", "echo \"out $X\"; echo err >&2; exit 3"},
                 absl::Seconds(20), {{"X", "y"}}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.output, "out y\nerr\n");
}

TEST(ProcessTest, NamesAProgramThatIsNotThere) {
  EXPECT_THAT(RunCommand({"/nowhere/at-all"}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("at-all")));
}

TEST(ProcessTest, KillsWhatDoesNotEnd) {
  MITRA_ASSERT_OK_AND_ASSIGN(auto process,
                             Process::Start({.argv = {"cat", "/dev/zero"}}));
  EXPECT_THAT(process->Wait(absl::Milliseconds(5)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  process->Kill();
  EXPECT_FALSE(process->running());
  EXPECT_THAT(process->Wait(absl::ZeroDuration()), IsOkAndHolds(128 + SIGKILL));
}

// Run by the next test in a process of its own.
TEST(ProcessTest, DISABLED_StartsAProgramAndWaits) {
  MITRA_ASSERT_OK_AND_ASSIGN(auto process,
                             Process::Start({.argv = {"sleep", "1000"}}));
  WriteFileOrDie(getenv("PID_FILE"), std::to_string(process->pid()));
  pause();
}

TEST(ProcessTest, EndsProgramsWhenTheTestItselfIsKilled) {
  TempDir dir;
  const std::string pid_file = dir.File("pid");
  MITRA_ASSERT_OK_AND_ASSIGN(
      auto test,
      Process::Start({.argv = {"/proc/self/exe",
                               "--gtest_filter=*DISABLED_StartsAProgram*",
                               "--gtest_also_run_disabled_tests"},
                      .env = {{"PID_FILE", pid_file}}}));
  ASSERT_TRUE(Eventually([&] { return !ReadFileOrEmpty(pid_file).empty(); }));
  const std::string proc = "/proc/" + ReadFileOrEmpty(pid_file) + "/status";
  ASSERT_THAT(ReadFileOrEmpty(proc), HasSubstr("sleep"));

  test->Kill();

  EXPECT_TRUE(Eventually([&] {
    const std::string status = ReadFileOrEmpty(proc);
    return status.empty() || absl::StrContains(status, "Z (zombie)");
  }));
}

TEST(RedisServerTest, ComesBackEmptyAfterAKill) {
  MITRA_ASSERT_OK_AND_ASSIGN(auto redis, RedisServer::Start());
  EXPECT_EQ(redis->Cli({"SET", "a", "1"}), "OK");
  EXPECT_EQ(redis->Cli({"GET", "a"}), "1");

  redis->Kill();
  EXPECT_THAT(redis->Cli({"GET", "a"}), HasSubstr("Could not connect"));

  MITRA_ASSERT_OK(redis->Restart());
  EXPECT_EQ(redis->Cli({"GET", "a"}), "");
}

TEST(SharedDataTest, IsNothingWhenAbsent) {
  EXPECT_EQ(SharedData("no/such/set.csv"), std::nullopt);
}

}  // namespace
}  // namespace mitra::testing
