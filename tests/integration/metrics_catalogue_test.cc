// deploy/metrics.tsv against what running processes export: nothing that is not
// written there, nothing written that is not there, no other labels, and never
// an id as a label's value.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace mitra {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Part of every id that the test uses.
constexpr char kId[] = "tandapengenal";
constexpr const char* kServices[] = {"profile", "search", "matching",
                                     "gateway"};

struct Metric {
  std::string type;
  std::set<std::string> labels;
  // There from its first event on.
  bool once = false;
};
using MetricsByName = std::map<std::string, Metric>;

// What the catalogue says of a service.
MetricsByName Documented(const std::string& service) {
  const char* root = std::getenv("MITRA_SOURCE_DIR");
  MetricsByName metrics;
  const std::string text = testing::ReadFileOrEmpty(
      absl::StrCat(root == nullptr ? "." : root, "/deploy/metrics.tsv"));
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (line[0] == '#') continue;
    const std::vector<std::string> columns = absl::StrSplit(line, '\t');
    EXPECT_EQ(columns.size(), 5u) << line;
    if (columns.size() != 5) continue;
    const std::set<std::string> services = absl::StrSplit(columns[0], ',');
    if (!services.contains(service)) continue;
    Metric metric = {.type = columns[2]};
    if (columns[3] != "-") metric.labels = absl::StrSplit(columns[3], ',');
    metric.once = absl::StartsWith(columns[4], "once");
    metrics[columns[1]] = metric;
  }
  return metrics;
}

// What stands in an answer of /metrics.
MetricsByName Exported(const std::string& text) {
  MetricsByName metrics;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (absl::ConsumePrefix(&line, "# TYPE ")) {
      const std::pair<std::string, std::string> type =
          absl::StrSplit(line, absl::MaxSplits(' ', 1));
      metrics[type.first].type = type.second;
      continue;
    }
    if (line[0] == '#') continue;
    std::string name(line.substr(0, line.find_first_of("{ ")));
    for (const char* part : {"_bucket", "_sum", "_count"}) {
      const std::string whole(absl::StripSuffix(name, part));
      if (whole != name && metrics.contains(whole)) name = whole;
    }
    Metric& metric = metrics[name];
    if (line.find('{') == absl::string_view::npos) continue;
    const absl::string_view labels =
        line.substr(line.find('{') + 1, line.rfind('}') - line.find('{') - 1);
    for (absl::string_view label :
         absl::StrSplit(labels, "\",", absl::SkipEmpty())) {
      const std::string key(label.substr(0, label.find('=')));
      if (key != "le") metric.labels.insert(key);
    }
  }
  return metrics;
}

class MetricsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = testing::Cluster::Start();
    ASSERT_TRUE(started.ok()) << started.status();
    cluster_ = *std::move(started);
  }

  std::string Curl(const std::vector<std::string>& arguments) {
    std::vector<std::string> argv = {"curl", "-sS"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const auto done = testing::RunCommand(std::move(argv));
    EXPECT_TRUE(done.ok()) << done.status();
    return done.ok() ? done->output : "";
  }
  std::string Ask(const std::string& verb, const std::string& path,
                  const std::string& body = "") {
    return Curl({"-X", verb, "-H",
                 absl::StrCat("Authorization: Bearer ", cluster_->key()), "-H",
                 "Content-Type: application/json", "--data-binary", body,
                 absl::StrCat("http://", cluster_->http_address(), path)});
  }
  std::string MetricsOf(const std::string& service) {
    return Curl({absl::StrCat("http://", cluster_->admin_address(service),
                              "/metrics")});
  }

  // Writes, reads, and is refused.
  void Use() {
    const auto profile = [](const char* role, const char* resource) {
      return absl::StrCat(
          R"({"kind": "MEMBER_KIND_PERSON", "displayName": "x",
              "regionCode": "33.72.01", "languages": ["id"],
              "facets": [{"role": ")",
          role, R"(", "offers": [{"resource": ")", resource,
          R"(", "text": "keuangan"}], "seats": {"total": 3}}]})");
    };
    const std::string guru = absl::StrCat("/v1/profiles/", kId, "-guru");
    const std::string satu = absl::StrCat("/v1/profiles/", kId, "-satu");
    EXPECT_THAT(Ask("PUT", guru, profile("ROLE_MENTOR", "RESOURCE_MENTORING")),
                HasSubstr("etag"));
    EXPECT_THAT(
        Ask("PUT", satu, profile("ROLE_BUSINESS", "RESOURCE_COLLABORATION")),
        HasSubstr("etag"));
    EXPECT_TRUE(testing::Eventually([&] {
      return absl::StrContains(
          Ask("GET", satu + ":recommend?kinds=RECOMMENDATION_KIND_MENTOR"),
          "guru");
    }));
    Ask("GET", "/v1/profiles:search?query=keuangan");
    Ask("GET", absl::StrCat("/v1/profiles/", kId, "-tiada"));
    Ask("GET", absl::StrCat("/v1/", kId));
    Ask(kId, guru);
    Curl({"-H", absl::StrCat("X-Api-Key: mk_", kId),
          absl::StrCat("http://", cluster_->http_address(), guru)});
    Ask("DELETE", satu);
  }

  std::unique_ptr<testing::Cluster> cluster_;
};

TEST_F(MetricsTest, TheCatalogueIsWhatRunningProcessesExport) {
  Use();
  for (const std::string service : kServices) {
    SCOPED_TRACE(service);
    const std::string text = MetricsOf(service);
    EXPECT_THAT(text, Not(HasSubstr(kId)));
    const MetricsByName exported = Exported(text);
    const MetricsByName documented = Documented(service);
    EXPECT_GE(documented.size(), 8u);
    for (const auto& [name, metric] : exported) {
      const auto known = documented.find(name);
      EXPECT_TRUE(known != documented.end())
          << name << " is not in deploy/metrics.tsv";
      if (known == documented.end()) continue;
      EXPECT_EQ(metric.type, known->second.type) << name;
      for (const std::string& label : metric.labels) {
        EXPECT_TRUE(known->second.labels.contains(label))
            << name << " " << label;
      }
    }
    for (const auto& [name, metric] : documented) {
      EXPECT_TRUE(metric.once || exported.contains(name))
          << name << " is not there";
    }
  }
}

}  // namespace
}  // namespace mitra
