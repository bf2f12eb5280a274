// The command `mitra` against a real cluster, as a person types it.

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/cli/output/text_width.h"
#include "tests/e2e/foreign.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace mitra {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class CliTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto cluster = testing::StartSampleCluster(300, 2000);
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = cluster->release();
  }
  static void TearDownTestSuite() {
    delete cluster_;
    cluster_ = nullptr;
  }

  // Runs `mitra` with these words.
  testing::CommandResult Mitra(
      std::vector<std::string> words,
      const std::map<std::string, std::string>& more = {}) {
    words.insert(words.begin(), testing::BuildFile("bin/mitra"));
    auto environment = testing::EnvironmentOf(*cluster_);
    environment["MITRA_CONFIG"] = dir_.File("config.toml");
    for (const auto& [key, value] : more) environment[key] = value;
    const auto result =
        testing::RunCommand(words, absl::Seconds(30), environment);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : testing::CommandResult{-1, ""};
  }

  // The id of a business.
  std::string Member() {
    const auto found = Mitra(
        {"search", "keripik", "--role", "business", "-n", "1", "-o", "json"});
    return json::parse(found.output)["hits"][0]["profileId"];
  }

  static testing::Cluster* cluster_;
  testing::TempDir dir_;
};

testing::Cluster* CliTest::cluster_ = nullptr;

TEST_F(CliTest, CallTakesAnyMethod) {
  const std::string member = Member();
  const auto profile =
      Mitra({"call", "Profiles/GetProfile",
             absl::StrCat("{\"profileId\":\"", member, "\"}")});
  EXPECT_EQ(profile.exit_code, 0) << profile.output;
  EXPECT_EQ(json::parse(profile.output)["profileId"], member);

  const auto slate =
      Mitra({"call", "mitra.v1.Recommendations.Recommend",
             absl::StrCat("{\"profileId\":\"", member,
                          "\",\"kinds\":[\"RECOMMENDATION_KIND_MENTOR\"]}"),
             "-o", "yaml"});
  EXPECT_EQ(slate.exit_code, 0) << slate.output;
  EXPECT_THAT(slate.output, StartsWith("---\nslates:\n  - kind: "));

  const auto status = Mitra({"call", "MatchingOperations/GetMatchingStatus"});
  EXPECT_EQ(json::parse(status.output)["service"], "matching");
}

TEST_F(CliTest, CallStreams) {
  const std::string rows = dir_.File("rows.ndjson");
  testing::WriteFileOrDie(
      rows,
      R"({"row":"1","profile":{"profileId":"call-1","kind":"MEMBER_KIND_PERSON",)"
      R"("displayName":"A","regionCode":"33.72.01",)"
      R"("facets":[{"role":"ROLE_MENTOR"}]}})"
      "\n\n"
      R"({"row":"3","profile":{"profileId":"bad id"}})"
      "\n");
  auto process =
      testing::Process::Start({.argv = {testing::BuildFile("bin/mitra"), "call",
                                        "Profiles/Import", "-"},
                               .env = testing::EnvironmentOf(*cluster_),
                               .output_path = dir_.File("out"),
                               .input_path = rows});
  MITRA_ASSERT_OK(process.status());
  const auto code = (*process)->Wait(absl::Seconds(30));
  MITRA_ASSERT_OK(code.status());
  const std::string output = testing::ReadFileOrEmpty(dir_.File("out"));
  EXPECT_EQ(*code, 0) << output;
  EXPECT_THAT(output, HasSubstr("ROW_VERDICT_CREATED"));
  EXPECT_THAT(output, HasSubstr("ROW_VERDICT_REJECTED"));
}

// As spreadsheets save it: "Café" in Windows-1252, and a cell far too long.
TEST_F(CliTest, ImportRejectsTheRowThatIsNotUtf8AndTakesTheOthers) {
  const std::string csv = dir_.File("m.csv");
  testing::WriteFileOrDie(
      csv, absl::StrCat("profile_id,kind,display_name,region_code,role\n",
                        "w1,business,Kopi ☕ 😀,33.72.01,business\n",
                        "w2,business,Caf\xe9,33.72.01,business\n",
                        "w3,business,\x1b[31mred,33.72.01,business\n",
                        "w4,business,", std::string(1'100'000, 'x'),
                        ",33.72.01,business\n",
                        "w5,business,Kopi,33.72.01,business\n"));
  const auto rows = Mitra({"import", csv});
  EXPECT_EQ(rows.exit_code, 1) << rows.output;
  EXPECT_THAT(rows.output, HasSubstr("accepted 2 (2 created), rejected 3"));
  EXPECT_THAT(rows.output,
              HasSubstr("line 3: column 3 (display_name): is not UTF-8"));
  EXPECT_THAT(rows.output, HasSubstr("line 4, w3: profile.display_name"));
  EXPECT_THAT(rows.output, HasSubstr("line 5: is longer than 1 MiB"));

  const std::string ndjson = dir_.File("m.ndjson");
  testing::WriteFileOrDie(
      ndjson, absl::StrCat("{\"profileId\":\"w1\"}\n{\"about\":\"\xc3\x28\"}\n",
                           "{\"about\":\"", std::string(1'100'000, 'x'),
                           "\"}\n", "{\"about\":\x1b[31m}\n"));
  const auto lines = Mitra({"import", ndjson});
  EXPECT_EQ(lines.exit_code, 1) << lines.output;
  EXPECT_THAT(lines.output, HasSubstr("rejected 4"));
  EXPECT_THAT(lines.output, HasSubstr("line 2: byte 11: is not UTF-8"));
  EXPECT_THAT(lines.output, HasSubstr("line 3: the line is longer"));

  for (const std::string& output : {rows.output, lines.output}) {
    for (const char* raw : {"\xe9,", "\xc3\x28", "\x1b", "libprotobuf"}) {
      EXPECT_THAT(output, Not(HasSubstr(raw)));
    }
  }
}

TEST_F(CliTest, RecommendTakesTheWantedRoles) {
  const std::string member = Member();
  const auto found = Mitra({"recommend", member, "--kind", "partner", "--role",
                            "supplier,enterprise", "-o", "json"});
  EXPECT_EQ(found.exit_code, 0) << found.output;
  for (const auto& r :
       json::parse(found.output)["slates"][0]["recommendations"]) {
    EXPECT_THAT(r["role"],
                ::testing::AnyOf("ROLE_SUPPLIER", "ROLE_ENTERPRISE"));
  }
  const auto none =
      Mitra({"recommend", member, "--kind", "mentor", "--role", "supplier"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.output, HasSubstr("roles"));
  EXPECT_EQ(Mitra({"recommend", member, "--role", "king"}).exit_code, 2);
}

TEST_F(CliTest, CallSaysWhatIsWrongWithARequest) {
  const auto field = Mitra({"call", "Profiles/GetProfile", "{\"nope\":1}"});
  EXPECT_EQ(field.exit_code, 2);
  EXPECT_THAT(field.output, HasSubstr("nope"));
  EXPECT_EQ(Mitra({"call", "Profiles/Nothing"}).exit_code, 2);
  EXPECT_EQ(Mitra({"call", "Profiles/GetProfile", "{"}).exit_code, 2);
  const auto missing =
      Mitra({"call", "Profiles/GetProfile", "{\"profileId\":\"nobody\"}"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.output, HasSubstr("PROFILE_NOT_FOUND"));
}

TEST_F(CliTest, CallDescribesWhatAMethodTakes) {
  const auto said = Mitra({"call", "Refreshes/StartRefresh", "--describe"});
  EXPECT_EQ(said.exit_code, 0);
  EXPECT_THAT(said.output, HasSubstr("takes mitra.v1.StartRefreshRequest"));
  EXPECT_THAT(said.output, HasSubstr("kinds: RecommendationKind[]"));
  EXPECT_THAT(said.output, HasSubstr("RECOMMENDATION_KIND_MENTOR"));
}

TEST_F(CliTest, AMemberIsWrittenSuspendedShownAndDeleted) {
  const std::string file = dir_.File("one.json");
  testing::WriteFileOrDie(file,
                          R"([{"profileId":"cli-1","kind":"MEMBER_KIND_PERSON",
                 "displayName":"Bu Tini","regionCode":"33.72.01",
                 "facets":[{"role":"ROLE_MENTOR"}]}])");
  EXPECT_THAT(Mitra({"upsert", file, "--check"}).output,
              HasSubstr("cli-1 is good"));
  EXPECT_EQ(Mitra({"get", "cli-1"}).exit_code, 1);
  EXPECT_THAT(Mitra({"upsert", file}).output,
              HasSubstr("cli-1 is at revision "));
  EXPECT_THAT(Mitra({"suspend", "cli-1"}).output, HasSubstr("is hidden"));
  EXPECT_THAT(Mitra({"suspend", "cli-1", "--lift"}).output,
              HasSubstr("is shown again"));
  EXPECT_THAT(Mitra({"get", "cli-1", "-o", "yaml"}).output,
              HasSubstr("displayName: Bu Tini\n"));
  EXPECT_EQ(Mitra({"delete", "cli-1"}).exit_code, 0);
  EXPECT_EQ(Mitra({"get", "cli-1"}).exit_code, 1);
  testing::WriteFileOrDie(file, R"({"profileId":"cli-2"})");
  EXPECT_EQ(Mitra({"upsert", file}).exit_code, 1);
  testing::WriteFileOrDie(file, "{\"what\":1}");
  EXPECT_EQ(Mitra({"upsert", file}).exit_code, 2);
}

TEST_F(CliTest, ContextsAreMadeUsedAndForgotten) {
  const std::string server = cluster_->target("gateway");
  const std::string key = dir_.File("a.key");
  testing::WriteFileOrDie(key, cluster_->key());
  EXPECT_EQ(Mitra({"context", "set", "solo", "--server", server,
                   "--api-key-file", key, "--lang", "en"})
                .exit_code,
            0);
  EXPECT_THAT(Mitra({"context", "list"}).output, HasSubstr("solo"));
  const std::map<std::string, std::string> elsewhere = {
      {"MITRA_SERVER", "unix:/nowhere"}, {"MITRA_API_KEY", "x"}};
  EXPECT_EQ(Mitra({"status", "--timeout", "1"}, elsewhere).exit_code, 3);
  EXPECT_EQ(Mitra({"--context", "solo", "status"}, elsewhere).exit_code, 0);
  EXPECT_EQ(Mitra({"context", "use", "nope"}).exit_code, 2);
  EXPECT_EQ(Mitra({"context", "delete", "solo"}).exit_code, 0);
  EXPECT_EQ(Mitra({"--context", "solo", "status"}).exit_code, 2);
}

TEST_F(CliTest, TheDoctorFindsAHealthyClusterHealthy) {
  const auto said = Mitra({"doctor"});
  EXPECT_EQ(said.exit_code, 0) << said.output;
  EXPECT_THAT(said.output, HasSubstr("matching is ready"));
  const auto wrong = Mitra({"doctor"}, {{"MITRA_API_KEY", "mk_wrong"}});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.output, HasSubstr("does not know this key"));
  const auto away = Mitra({"doctor"}, {{"MITRA_SERVER", "unix:/nowhere"}});
  EXPECT_EQ(away.exit_code, 3) << away.output;
}

TEST_F(CliTest, TheBenchAsksUntilItsTimeIsOver) {
  const auto said =
      Mitra({"bench", "--seconds", "0.5", "--in-flight", "4", "-o", "json"});
  EXPECT_EQ(said.exit_code, 0) << said.output;
  const auto figures = json::parse(said.output.substr(said.output.find('{')));
  EXPECT_GT(figures["calls"], 0);
  EXPECT_EQ(figures["failed"], 0);
  EXPECT_GE(figures["p99Ms"], figures["p50Ms"]);
}

TEST_F(CliTest, TheShellCanCompleteIt) {
  EXPECT_THAT(Mitra({"completion", "bash"}).output, HasSubstr("complete -o"));
  EXPECT_EQ(Mitra({"__complete", "why"}).output, "why-not\n");
  EXPECT_EQ(Mitra({"completion", "fish"}).exit_code, 2);
}

// Ids of the longest length and names of every kind, on terminals of a phone.
TEST_F(CliTest, TablesFitNarrowTerminalsAndKeepIdsWhole) {
  const std::string longest = absl::StrCat("x.~_-", std::string(59, 'i'));
  const std::map<std::string, std::string> names = {
      {longest, std::string(200, 'w')},
      {"sempit-2", "株式会社日本食品加工センター東京本店 🍛🍛🍛"},
      {"sempit-3", "مخبز السعادة للحلويات الشرقية"},
      {"sempit-4", "Zz\u0300\u0301\u0302 Dapur Bu Tini 👩‍🍳"}};
  std::string rows;
  for (const auto& [id, name] : names) {
    absl::StrAppend(
        &rows, R"({"profileId":")", id,
        R"(","kind":"MEMBER_KIND_BUSINESS","regionCode":"33.72.01",)",
        R"("displayName":")", name,
        R"(","facets":[{"role":"ROLE_BUSINESS"},{"role":"ROLE_MENTOR",)"
        R"("seats":{"total":3}}]})",
        "\n");
  }
  const std::string file = dir_.File("narrow.ndjson");
  testing::WriteFileOrDie(file, rows);
  const auto imported = Mitra({"import", file});
  ASSERT_EQ(imported.exit_code, 0) << imported.output;
  const auto asked = Mitra({"engage", "request", "sempit-2", longest});
  EXPECT_EQ(asked.exit_code, 0) << asked.output;

  const std::vector<std::vector<std::string>> commands = {
      {"list", "--limit", "2000"},
      {"search", "Dapur", "-n", "5"},
      {"recommend", "sempit-4", "--kind", "mentor,partner", "-n", "5"},
      {"engage", "list", "sempit-2"},
      {"explain", "sempit-4", longest},
      {"why-not", "sempit-4", longest, "--kind", "mentor"},
      {"trust", "sempit-2", longest},
      {"diagnose", "sempit-2"},
      {"refresh", "list"},
      {"status"},
      {"key", "list", "--file", cluster_->File("keys.jsonl")}};
  for (const char* columns : {"40", "60", "80"}) {
    for (const auto& command : commands) {
      SCOPED_TRACE(absl::StrCat(command[0], " at ", columns));
      const auto said = Mitra(command, {{"COLUMNS", columns}});
      EXPECT_EQ(said.exit_code, 0) << said.output;
      const auto width = static_cast<size_t>(std::stoi(columns));
      for (const absl::string_view line : absl::StrSplit(said.output, '\n')) {
        if (line == longest) continue;  // whole, on a line of its own
        EXPECT_LE(cli::DisplayWidth(line), width) << line;
      }
      if (command[0] == "list") {
        for (const auto& [id, name] : names) {
          EXPECT_THAT(said.output, HasSubstr(id));
        }
      } else if (command[0] == "engage") {
        EXPECT_THAT(said.output, HasSubstr(longest));
      }
    }
  }
}

TEST_F(CliTest, AKeyCanHaveAQuotaOfItsOwn) {
  const std::string file = dir_.File("keys.jsonl");
  const auto made = Mitra({"key", "create", "--file", file, "--label", "app",
                           "--units-per-second", "5", "--burst-units", "50"});
  EXPECT_EQ(made.exit_code, 0) << made.output;
  EXPECT_THAT(Mitra({"key", "list", "--file", file}).output,
              HasSubstr("quota/s"));
  EXPECT_THAT(testing::ReadFileOrEmpty(file), HasSubstr("\"burst_units\":50"));
  const auto less = Mitra({"key", "create", "--file", file, "--label", "app",
                           "--units-per-second", "5", "--burst-units", "1"});
  EXPECT_EQ(less.exit_code, 2);
  EXPECT_THAT(less.output, HasSubstr("burst_units"));
}

TEST_F(CliTest, NothingIsPaintedInAPipe) {
  EXPECT_EQ(Mitra({"list", "--limit", "3"}).output.find('\033'),
            std::string::npos);
}

}  // namespace
}  // namespace mitra
