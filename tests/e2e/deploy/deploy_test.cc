// Dashboards, alerts and manifests against the programs that ship; the tests
// themselves are deploy_test.py.

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "tests/e2e/foreign.h"
#include "tests/support/process.h"

namespace mitra {
namespace {

TEST(DeployTest, FitsTheProgramsThatShip) {
  if (!testing::Works({"/usr/bin/python3", "-c", "import yaml"})) {
    GTEST_SKIP() << "SKIPPED: python3-yaml is absent";
  }
  const auto cluster = testing::StartSampleCluster(200, 1000);
  MITRA_ASSERT_OK(cluster.status());
  auto environment = testing::EnvironmentOf(**cluster);
  const std::string mitra = testing::BuildFile("bin/mitra");
  // Some of everything that is counted.
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"search", "keripik"},
        {"recommend", "umkm-000010", "--kind", "mentor"},
        {"get", "nobody"}}) {
    std::vector<std::string> argv = words;
    argv.insert(argv.begin(), mitra);
    ASSERT_TRUE(
        testing::RunCommand(argv, absl::Seconds(30), environment).ok());
  }
  std::vector<std::string> admin;
  for (const char* service : {"profile", "search", "matching", "gateway"}) {
    admin.push_back((*cluster)->admin_address(service));
  }
  environment["MITRA_ADMIN"] = absl::StrJoin(admin, ",");
  const auto result = testing::RunCommand(
      {"/usr/bin/python3",
       testing::SourceFile("tests/e2e/deploy/deploy_test.py")},
      absl::Seconds(120), environment);
  MITRA_ASSERT_OK(result.status());
  EXPECT_EQ(result->exit_code, 0) << result->output;
}

}  // namespace
}  // namespace mitra
