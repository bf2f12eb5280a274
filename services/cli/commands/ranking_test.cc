#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/cli/commands/commands.h"
#include "services/matching/ranking/profile_file.h"
#include "tests/support/temp_dir.h"

namespace mitra::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RankingCommandTest : public ::testing::Test {
 protected:
  int Run(std::vector<std::string> arguments) {
    Globals globals;
    globals.server = "unix:" + dir_.File("nobody");
    globals.timeout_seconds = 1;
    Action action;
    CLI::App app("test");
    AddRankingCommands(app, globals, action);
    std::reverse(arguments.begin(), arguments.end());
    try {
      app.parse(arguments);
    } catch (const CLI::ParseError&) {
      return kUsage;
    }
    ::testing::internal::CaptureStdout();
    const int code = action();
    out_ = ::testing::internal::GetCapturedStdout();
    return code;
  }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_.File(name)) << text;
    return dir_.File(name);
  }
  std::string Profile(const std::string& id, float reputation) const {
    matching::RankingProfile profile = matching::RankingProfile::Default();
    profile.id = id;
    profile.kinds[1].wants[matching::Feature::kReputation] = reputation;
    return Write(id + ".toml", matching::RankingProfileToml(profile));
  }

  mitra::testing::TempDir dir_;
  std::string out_;
};

TEST_F(RankingCommandTest, ChecksFilesWithoutACluster) {
  const std::string good = Profile("a", 1);
  EXPECT_EQ(Run({"ranking", "check", good}), kOk);
  EXPECT_THAT(out_, HasSubstr("a is in order"));
  const std::string bad = Write("bad.toml", "id = \"b\"\nbeta = -1\n");
  EXPECT_EQ(Run({"ranking", "check", good, bad}), kFailed);
  EXPECT_EQ(Run({"ranking", "check", dir_.File("missing.toml")}), kFailed);
}

TEST_F(RankingCommandTest, ShowsOnlyTheWeightsThatDiffer) {
  EXPECT_EQ(Run({"ranking", "diff", Profile("a", 1), Profile("b", 2.5F)}), kOk);
  EXPECT_THAT(out_, HasSubstr("mentor.wants.reputation"));
  EXPECT_THAT(out_, HasSubstr("+1.5"));
  EXPECT_THAT(out_, Not(HasSubstr("trust")));
}

TEST_F(RankingCommandTest, RefusesArmsThatAreNone) {
  EXPECT_EQ(Run({"ranking", "split", "a"}), kUsage);
  EXPECT_EQ(Run({"ranking", "split", "a=many"}), kUsage);
  EXPECT_EQ(Run({"ranking", "split", "=1"}), kUsage);
  EXPECT_EQ(Run({"ranking"}), kUsage);
}

}  // namespace
}  // namespace mitra::cli
