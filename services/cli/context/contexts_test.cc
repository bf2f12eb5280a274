#include "services/cli/context/contexts.h"

#include <sys/stat.h>

#include <cstdlib>

#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace mitra::cli {
namespace {

using ::testing::HasSubstr;

TEST(ContextsTest, WhatIsSavedIsLoaded) {
  testing::TempDir dir;
  const std::string path = dir.File("new/folder/config.toml");
  Contexts contexts;
  contexts.current = "solo";
  contexts.by_name["solo"] = {.server = "127.0.0.1:8080",
                              .api_key_file = "/k \"x\".key",
                              .tls_ca = "system",
                              .tls_cert = "/c.pem"};
  contexts.by_name["jogja"].server = "unix:/x";
  MITRA_ASSERT_OK(SaveContexts(contexts, path));
  struct stat info = {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto loaded = LoadContexts(path);
  MITRA_ASSERT_OK(loaded.status());
  EXPECT_EQ(loaded->by_name.size(), 2u);
  EXPECT_EQ(loaded->Pick("")->api_key_file, "/k \"x\".key");
  EXPECT_EQ(loaded->Pick("")->tls_ca, "system");
  EXPECT_EQ(loaded->Pick("")->tls_cert, "/c.pem");
  EXPECT_EQ(loaded->Pick("")->tls_key, "");
  EXPECT_EQ(loaded->Pick("jogja")->server, "unix:/x");
}

TEST(ContextsTest, WithoutAFileThereIsAnEmptyContext) {
  const auto contexts = LoadContexts("/nowhere/config.toml");
  MITRA_ASSERT_OK(contexts.status());
  EXPECT_EQ(contexts->Pick("")->server, "");
  EXPECT_THAT(contexts->Pick("x").status(), HasReason("CONTEXT_UNKNOWN"));
}

TEST(ContextsTest, MistakesAreNamedWithLineAndColumn) {
  testing::TempDir dir;
  const std::string path = dir.File("config.toml");
  for (const char* bad :
       {"current = 3\n", "[context.a]\nport = 1\n", "[context.a]\nserver = 1\n",
        "context = 1\n", "[[[\n", "[context]\na = 1\n"}) {
    testing::WriteFileOrDie(path, bad);
    const auto contexts = LoadContexts(path);
    EXPECT_FALSE(contexts.ok()) << bad;
    EXPECT_THAT(std::string(contexts.status().message()),
                HasSubstr("config.toml:"))
        << bad;
  }
}

TEST(ContextsTest, NamesAreSimple) {
  EXPECT_TRUE(IsContextName("solo-2_x"));
  EXPECT_FALSE(IsContextName(""));
  EXPECT_FALSE(IsContextName("a.b"));
  EXPECT_FALSE(IsContextName(std::string(65, 'a')));
}

TEST(ContextsTest, ThePathFollowsTheEnvironment) {
  setenv("MITRA_CONFIG", "/x/y.toml", 1);
  EXPECT_EQ(ContextsPath(), "/x/y.toml");
  unsetenv("MITRA_CONFIG");
  setenv("XDG_CONFIG_HOME", "/c", 1);
  EXPECT_EQ(ContextsPath(), "/c/mitra/config.toml");
  unsetenv("XDG_CONFIG_HOME");
  setenv("HOME", "/h", 1);
  EXPECT_EQ(ContextsPath(), "/h/.config/mitra/config.toml");
}

}  // namespace
}  // namespace mitra::cli
