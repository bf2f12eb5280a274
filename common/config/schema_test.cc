#include "common/config/schema.h"

#include <fstream>

#include "common/status/status_matchers.h"
#include "gtest/gtest.h"

namespace mitra {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct Config {
  std::string target = "here";
  bool on = false;
  int count = 3;
  double share = 0.5;
  absl::Duration wait = absl::Seconds(1);
  std::vector<std::string> listen = {"a"};
  std::string password = "hidden";
};

class SchemaTest : public ::testing::Test {
 protected:
  SchemaTest() : schema_("test") {
    schema_.Add("feed.target", &config_.target, "Where.");
    schema_.Add("on", &config_.on, "Whether.");
    schema_.Add("a.count", &config_.count, "How many.").Range(1, 10);
    schema_.Add("a.share", &config_.share, "Share.");
    schema_.Add("a.wait", &config_.wait, "How long.").Range(0, 60);
    schema_.Add("listen", &config_.listen, "Where to listen.");
    schema_.Add("redis.password", &config_.password, "Secret.").Secret();
  }

  std::string WriteFile(const std::string& text) {
    const std::string path = ::testing::TempDir() + "/schema_test.toml";
    std::ofstream(path) << text;
    return path;
  }

  absl::StatusOr<Schema::Action> LoadFile(const std::string& text) {
    return schema_.Load({"--config=" + WriteFile(text)}, {});
  }

  Config config_;
  Schema schema_;
};

TEST_F(SchemaTest, FlagsWinOverEnvironmentOverFileOverDefaults) {
  const std::string file = WriteFile(
      "on = true\nlisten = ['x', 'y']\n[feed]\ntarget = 'file'\n"
      "[a]\ncount = 4\nwait = '250ms'\n");
  const auto action = schema_.Load(
      {"--config", file, "--a.count=6"},
      {{"MITRA_A_COUNT", "5"}, {"MITRA_FEED_TARGET", "env"}, {"PATH", "x"}});

  EXPECT_THAT(action, IsOkAndHolds(Schema::Action::kRun));
  EXPECT_EQ(config_.count, 6);
  EXPECT_EQ(config_.target, "env");
  EXPECT_EQ(config_.wait, absl::Milliseconds(250));
  EXPECT_THAT(config_.listen, ElementsAre("x", "y"));
  EXPECT_TRUE(config_.on);
  EXPECT_EQ(config_.share, 0.5);
}

TEST_F(SchemaTest, NamesWhatIsWrong) {
  EXPECT_THAT(LoadFile("[a]\ncuont = 4\n"), NamesField("a.cuont"));
  EXPECT_THAT(std::string(LoadFile("[a]\ncuont = 4\n").status().message()),
              HasSubstr(":2:"));
  EXPECT_THAT(LoadFile("[a]\ncount = 'x'\n"), NamesField("a.count"));
  EXPECT_THAT(LoadFile("[a]\ncount = 99\n"), NamesField("a.count"));
  EXPECT_THAT(LoadFile("on = 3\n"), NamesField("on"));
  EXPECT_THAT(LoadFile("[feed]\ntarget = 3\n"), NamesField("feed.target"));
  EXPECT_THAT(LoadFile("on = \n"), HasReason("CONFIG_SYNTAX"));
  EXPECT_THAT(schema_.Load({"--nope=1"}, {}), NamesField("nope"));
  EXPECT_THAT(schema_.Load({"stray"}, {}), NamesField("stray"));
  EXPECT_THAT(schema_.Load({}, {{"MITRA_NOPE", "1"}}),
              NamesField("MITRA_NOPE"));
  EXPECT_THAT(schema_.Load({"--a.wait=90s"}, {}), NamesField("a.wait"));
  EXPECT_THAT(schema_.Load({"--config=/no/such"}, {}),
              HasReason("CONFIG_UNREADABLE"));
}

TEST_F(SchemaTest, ReadsSecretsFromFilesAndNeverPrintsThem) {
  const std::string file = WriteFile("s3cret\n");
  MITRA_ASSERT_OK(schema_.Load({}, {{"MITRA_REDIS_PASSWORD_FILE", file}}));
  EXPECT_EQ(config_.password, "s3cret");
  EXPECT_THAT(schema_.Print(), Not(HasSubstr("s3cret")));
  EXPECT_THAT(schema_.Help(), Not(HasSubstr("s3cret")));
}

TEST_F(SchemaTest, WhatItPrintsItReadsBack) {
  config_.target = "quote \" and \\";
  config_.wait = absl::Milliseconds(1500);
  config_.share = 0.12345678901234567;
  const std::string printed = schema_.Print();
  config_.target = "other";
  config_.share = 0;
  config_.wait = absl::ZeroDuration();
  MITRA_ASSERT_OK(LoadFile(printed));
  EXPECT_EQ(config_.target, "quote \" and \\");
  EXPECT_EQ(config_.share, 0.12345678901234567);
  EXPECT_EQ(config_.wait, absl::Milliseconds(1500));
}

TEST_F(SchemaTest, KnowsItsActions) {
  EXPECT_THAT(schema_.Load({"--help"}, {}),
              IsOkAndHolds(Schema::Action::kHelp));
  EXPECT_THAT(schema_.Load({"--check-config"}, {}),
              IsOkAndHolds(Schema::Action::kCheck));
  EXPECT_THAT(schema_.Help(), HasSubstr("--feed.target"));
}

}  // namespace
}  // namespace mitra
