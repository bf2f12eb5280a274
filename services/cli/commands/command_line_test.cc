#include "services/cli/commands/command_line.h"

#include <cstdlib>

#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/cli/commands/unknown_command.h"
#include "services/cli/context/contexts.h"
#include "tests/support/temp_dir.h"

namespace mitra::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() {
    for (const char* name :
         {"MITRA_SERVER", "MITRA_API_KEY", "MITRA_CONTEXT"}) {
      unsetenv(name);
    }
    setenv("MITRA_CONFIG", dir_.File("config.toml").c_str(), 1);
    BuildCommandLine(app_, globals_, action_);
  }

  // Parses and applies the contexts, as main() does.
  absl::Status Parse(const std::vector<std::string>& arguments) {
    app_.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    return ApplyContext(arguments, app_, globals_);
  }

  void SaveContext(const std::string& name, const std::string& server) {
    auto contexts = LoadContexts(ContextsPath());
    ASSERT_TRUE(contexts.ok());
    if (contexts->current.empty()) contexts->current = name;
    contexts->by_name[name] = {.server = server,
                               .api_key_file = "/key-of-" + name,
                               .language = "en",
                               .tls_ca = "/ca-of-" + name};
    MITRA_ASSERT_OK(SaveContexts(*contexts, ContextsPath()));
  }

  testing::TempDir dir_;
  CLI::App app_{"mitra"};
  Globals globals_;
  Action action_;
};

TEST_F(CommandLineTest, TheCurrentContextFillsWhatIsOpen) {
  SaveContext("solo", "solo:1");
  MITRA_ASSERT_OK(Parse({"status"}));
  EXPECT_EQ(globals_.server, "solo:1");
  EXPECT_EQ(globals_.api_key_file, "/key-of-solo");
  EXPECT_EQ(globals_.tls_ca, "/ca-of-solo");
  EXPECT_EQ(globals_.language, "en");
}

TEST_F(CommandLineTest, AnOptionBeatsTheContext) {
  SaveContext("solo", "solo:1");
  MITRA_ASSERT_OK(Parse({"status", "--server=x:2", "--api-key", "k"}));
  EXPECT_EQ(globals_.server, "x:2");
  EXPECT_EQ(globals_.api_key, "k");
  EXPECT_EQ(globals_.api_key_file, "");
  EXPECT_EQ(globals_.tls_ca, "") << "of another cluster";
}

TEST_F(CommandLineTest, TheEnvironmentBeatsTheCurrentContextButNotANamedOne) {
  SaveContext("solo", "solo:1");
  SaveContext("jogja", "jogja:1");
  setenv("MITRA_SERVER", "env:3", 1);
  setenv("MITRA_API_KEY", "env-key", 1);
  MITRA_ASSERT_OK(Parse({"status"}));
  EXPECT_EQ(globals_.server, "env:3");
  EXPECT_EQ(globals_.api_key, "env-key");
  MITRA_ASSERT_OK(Parse({"--context", "jogja", "status"}));
  EXPECT_EQ(globals_.server, "jogja:1");
  EXPECT_EQ(globals_.api_key, "");
  EXPECT_EQ(globals_.api_key_file, "/key-of-jogja");
  EXPECT_EQ(globals_.tls_ca, "/ca-of-jogja");
}

TEST_F(CommandLineTest, AnUnknownContextIsAnError) {
  EXPECT_THAT(Parse({"status", "--context", "nope"}),
              HasReason("CONTEXT_UNKNOWN"));
}

TEST_F(CommandLineTest, CompletesCommandsOptionsValuesAndMethods) {
  EXPECT_THAT(Completions(app_, {"rec"}), ElementsAre("recommend"));
  EXPECT_THAT(Completions(app_, {""}), Contains("doctor"));
  EXPECT_THAT(Completions(app_, {"context", ""}),
              ElementsAre("delete", "list", "set", "use"));
  EXPECT_THAT(Completions(app_, {"recommend", "x", "--fr"}),
              ElementsAre("--fresh"));
  EXPECT_THAT(Completions(app_, {"status", "-o", "y"}), ElementsAre("yaml"));
  EXPECT_THAT(Completions(app_, {"call", "Profiles/G"}),
              ElementsAre("Profiles/GetProfile"));
  EXPECT_THAT(Completions(app_, {"recommend", "--kind", "m"}),
              ElementsAre("mentor"));
  EXPECT_THAT(Completions(app_, {"get", ""}), Not(Contains("recommend")));
}

TEST_F(CommandLineTest, EveryCommandHasHelp) {
  for (const CLI::App* command : app_.get_subcommands({})) {
    EXPECT_NE(command->get_description(), "") << command->get_name();
    EXPECT_NE(command->get_group(), "") << command->get_name();
  }
}

TEST_F(CommandLineTest, AWordThatIsNoCommandIsNamedWithTheNearestOne) {
  EXPECT_EQ(UnknownCommand(app_, {"gett", "umkm-1"}),
            "there is no command \"gett\"; did you mean get?");
  EXPECT_EQ(UnknownCommand(app_, {"--server", "a:1", "recomend"}),
            "there is no command \"recomend\"; did you mean recommend?");
  EXPECT_EQ(UnknownCommand(app_, {"--server=a:1", "zzzzzzz"}),
            "there is no command \"zzzzzzz\"");
  EXPECT_EQ(UnknownCommand(app_, {"key", "-o", "json", "creat"}),
            "there is no command \"creat\" of key; did you mean create?");
  EXPECT_EQ(UnknownCommand(app_, {"get", "gett"}), "") << "that is an id";
  EXPECT_EQ(UnknownCommand(app_, {"key", "create", "--label", "x"}), "");
}

TEST_F(CommandLineTest, AFileThatIsNotThereIsNamedByItsOption) {
  MITRA_ASSERT_OK(Parse({"--api-key-file", "/no/such/key", "status"}));
  EXPECT_THAT(CheckFiles(globals_), NamesField("--api-key-file"));
  testing::WriteFileOrDie(dir_.File("key"), "mk_x");
  globals_.api_key_file = dir_.File("key");
  MITRA_EXPECT_OK(CheckFiles(globals_));
  globals_.tls_key = "/no/such/key";
  EXPECT_THAT(CheckFiles(globals_), NamesField("--tls-key"));
}

// The list of the commands that people were promised.
TEST_F(CommandLineTest, EveryCommandIsThereWithAnExample) {
  for (const char* name :
       {"get",       "list",    "upsert",  "delete", "import",   "export",
        "recommend", "explain", "why-not", "trust",  "diagnose", "search",
        "refresh",   "ranking", "key",     "verify", "suspend",  "seed",
        "merge",     "status",  "doctor",  "bench",  "call",     "context"}) {
    const CLI::App* command = nullptr;
    for (const CLI::App* one : app_.get_subcommands({})) {
      if (one->get_name() == name) command = one;
    }
    ASSERT_NE(command, nullptr) << name;
    EXPECT_NE(command->get_group(), "Subcommands") << name << " has no group";
    const std::string help = command->get_description();
    const bool plain = std::string(name) == "status";  // takes nothing
    EXPECT_TRUE(plain || help.find("\n  mitra ") != std::string::npos ||
                !command->get_subcommands({}).empty())
        << name << ": " << help;
  }
}

}  // namespace
}  // namespace mitra::cli
