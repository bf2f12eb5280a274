#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "mitra/v1/recommendation.pb.h"
#include "services/cli/commands/commands.h"
#include "services/matching/ranking/profile_file.h"
#include "tests/support/temp_dir.h"

namespace mitra::cli {
namespace {

class LearnCommandTest : public ::testing::Test {
 protected:
  int Run(std::vector<std::string> arguments) {
    Globals globals;
    Action action;
    CLI::App app("test");
    AddLearnCommand(app, globals, action);
    std::reverse(arguments.begin(), arguments.end());
    try {
      app.parse(arguments);
    } catch (const CLI::ParseError&) {
      return kUsage;
    }
    return action();
  }
  std::string Path(const std::string& name) const { return dir_.File(name); }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name)) << text;
  }

  mitra::testing::TempDir dir_;
};

// Near mentors are wanted, those who answer accept.
std::string Outcomes(int n) {
  std::string lines;
  for (int i = 0; i < n; ++i) {
    const int near = i % 10, answers = (i / 10) % 10;
    const bool wanted = near + i % 3 > 5, accepted = answers + i % 7 > 7;
    absl::StrAppend(&lines,
                    "{\"time\":\"2026-03-01T10:00:00Z\",\"kind\":\"mentor\",",
                    "\"list\":\"l", i / 5, "\",\"answer\":\"",
                    wanted ? (accepted ? "match" : "declined") : "not_wanted",
                    "\",\"features\":{\"region_proximity\":", near / 10.,
                    ",\"responsiveness\":", answers / 10., "}}\n");
  }
  return lines;
}

TEST_F(LearnCommandTest, WritesAProfileThatCanBeRead) {
  Write("outcomes.ndjson", Outcomes(2000));

  EXPECT_EQ(Run({"learn", Path("outcomes.ndjson"), "--id", "learned-1", "--out",
                 Path("profile.toml")}),
            kOk);

  std::ostringstream text;
  text << std::ifstream(Path("profile.toml")).rdbuf();
  const auto profile = matching::ParseRankingProfile(text.str());
  MITRA_ASSERT_OK(profile.status());
  EXPECT_EQ(profile->id, "learned-1");
  const auto& mentor = profile->kinds[mitra::v1::RECOMMENDATION_KIND_MENTOR];
  EXPECT_GT(mentor.wants[matching::Feature::kRegionProximity], 2);
  EXPECT_GT(mentor.accepts[matching::Feature::kResponsiveness], 2);
}

TEST_F(LearnCommandTest, WritesNothingWithoutGain) {
  Write("outcomes.ndjson", Outcomes(50));
  EXPECT_EQ(Run({"learn", Path("outcomes.ndjson"), "--id", "x", "--out",
                 Path("profile.toml")}),
            kFailed);
  EXPECT_FALSE(std::filesystem::exists(Path("profile.toml")));
}

TEST_F(LearnCommandTest, FailsOnBadLinesAndMissingFiles) {
  Write("bad.ndjson", Outcomes(3) + "{\"time\":1}\n");
  const std::string out = Path("profile.toml");
  EXPECT_EQ(Run({"learn", Path("bad.ndjson"), "--id", "x", "--out", out}),
            kFailed);
  EXPECT_EQ(Run({"learn", Path("none.ndjson"), "--id", "x", "--out", out}),
            kFailed);
  EXPECT_EQ(Run({"learn"}), kUsage);
  EXPECT_FALSE(std::filesystem::exists(out));
}

}  // namespace
}  // namespace mitra::cli
