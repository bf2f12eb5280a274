// The web console in a real browser; the tests themselves are
// console/console_test.py. SKIPPED where there is no Chromium.

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "tests/e2e/foreign.h"
#include "tests/support/process.h"

namespace mitra {
namespace {

TEST(ConsoleTest, WorksInARealBrowser) {
  if (!testing::Works({"/usr/bin/chromium", "--version"}) ||
      !testing::Works({"/usr/bin/chromedriver", "--version"}) ||
      !testing::Works({"/usr/bin/python3", "-c", "import selenium"}) ||
      !testing::Works({"test", "-f", "/usr/share/nodejs/d3/dist/d3.min.js"})) {
    GTEST_SKIP() << "SKIPPED: chromium, its driver, python3-selenium or "
                    "node-d3 is absent";
  }
  const auto cluster = testing::StartSampleCluster(1500, 15000);
  MITRA_ASSERT_OK(cluster.status());
  auto environment = testing::EnvironmentOf(**cluster);
  environment["MITRA_PROGRAM"] = testing::BuildFile("bin/mitra");
  environment["MITRA_KEYS"] = (*cluster)->File("keys.jsonl");
  environment["MITRA_SHOTS"] = testing::BuildFile("console-screenshots");
  const std::string axe = testing::BuildFile("axe");
  if (testing::Works({"npm", "install", "--prefix", axe, "--ignore-scripts",
                      "--no-audit", "--no-fund", "--silent", "axe-core@4"})) {
    environment["MITRA_AXE"] =
        absl::StrCat(axe, "/node_modules/axe-core/axe.min.js");
  }
  const auto result = testing::RunCommand(
      {"/usr/bin/python3",
       testing::SourceFile("tests/e2e/console/console_test.py")},
      absl::Seconds(600), environment);
  MITRA_ASSERT_OK(result.status());
  EXPECT_EQ(result->exit_code, 0) << result->output;
}

}  // namespace
}  // namespace mitra
