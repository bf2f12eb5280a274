// Dashboards and alerts under deploy/ speak of metrics that exist, and parse.

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace mitra {
namespace {

std::string Root() {
  const char* root = std::getenv("MITRA_SOURCE_DIR");
  return root == nullptr ? "." : root;
}

std::set<std::string> Catalogue() {
  std::set<std::string> names;
  const std::string text =
      testing::ReadFileOrEmpty(Root() + "/deploy/metrics.tsv");
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (line[0] == '#') continue;
    const std::vector<std::string> columns = absl::StrSplit(line, '\t');
    if (columns.size() > 1) names.insert(columns[1]);
  }
  return names;
}

// Every word that looks like the name of a metric.
std::set<std::string> MetricsIn(const std::string& text) {
  std::set<std::string> found;
  std::string word;
  for (char c : text + " ") {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') {
      word += c;
      continue;
    }
    for (const char* prefix : {"mitra_", "process_"}) {
      if (!absl::StartsWith(word, prefix)) continue;
      absl::string_view name = word;
      for (const char* part : {"_bucket", "_sum", "_count"}) {
        if (absl::ConsumeSuffix(&name, part)) break;
      }
      found.emplace(name);
    }
    word.clear();
  }
  return found;
}

TEST(DeployFilesTest, DashboardsAndAlertsNameOnlyWhatIsExported) {
  const std::set<std::string> catalogue = Catalogue();
  ASSERT_GE(catalogue.size(), 15u);
  int files = 0;
  for (const char* folder : {"/deploy/dashboards", "/deploy/alerts"}) {
    for (const auto& entry :
         std::filesystem::directory_iterator(Root() + folder)) {
      ++files;
      const std::string text = testing::ReadFileOrEmpty(entry.path().string());
      const std::set<std::string> used = MetricsIn(text);
      EXPECT_FALSE(used.empty()) << entry.path();
      for (const std::string& name : used) {
        EXPECT_TRUE(catalogue.contains(name)) << entry.path() << ": " << name;
      }
      if (absl::EndsWith(entry.path().string(), ".json")) {
        const auto json = nlohmann::json::parse(text, nullptr, false);
        EXPECT_TRUE(json.is_object() && !json["panels"].empty());
      }
    }
  }
  EXPECT_GE(files, 2);
}

TEST(DeployFilesTest, PromtoolTakesTheRules) {
  const testing::TempDir dir;
  auto process = testing::Process::Start(
      {.argv = {"promtool", "check", "rules",
                Root() + "/deploy/alerts/mitra.rules.yaml"},
       .output_path = dir.File("output")});
  if (!process.ok()) GTEST_SKIP() << "promtool is not there";
  const auto code = (*process)->Wait(absl::Seconds(30));
  ASSERT_TRUE(code.ok());
  if (*code == 127) GTEST_SKIP() << "promtool is not there";
  EXPECT_EQ(*code, 0) << (*process)->output();
}

}  // namespace
}  // namespace mitra
