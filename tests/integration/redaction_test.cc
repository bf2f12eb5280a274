// What members write, and what callers show as their credential, stays out of
// logs, metrics, spans, error texts and the audit log: real processes, each
// value with a canary in it, at every log level.

#include <stdlib.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"
#include "tests/support/http_sink.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace mitra {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kCanary[] = "kanari7f3a";
constexpr const char* kServices[] = {"profile", "search", "matching",
                                     "gateway"};

// % stands for the canary.
constexpr char kProfile[] = R"({
  "kind": "MEMBER_KIND_BUSINESS", "displayName": "% nama", "about": "% tentang",
  "regionCode": "33.72.01", "sectors": [{"code": "10710"}], "languages": ["id"],
  "facets": [{"role": "ROLE_BUSINESS", "headline": "% judul",
    "needs": [{"resource": "RESOURCE_MENTORING", "text": "% butuh"}],
    "offers": [{"resource": "RESOURCE_COLLABORATION", "text": "% tawar"}]}],
  "contact": {"phone": "+628123450007", "email": "%@example.org"},
  "externalIds": [{"system": "pasar", "value": "%-1"}],
  "links": [{"kind": "website", "url": "https://example.org/%"}],
  "products": [{"productId": "p1", "name": "% kue", "description": "% isi"}],
  "norms": [{"kind": "NORM_KIND_SPP_IRT", "issuer": "% dinas",
             "verifier": "% pemeriksa", "number": "%77", "productId": "p1"}]})";
constexpr char kMentor[] = R"({
  "kind": "MEMBER_KIND_PERSON", "displayName": "% guru", "regionCode": "33.72.01",
  "languages": ["id"], "facets": [{"role": "ROLE_MENTOR", "headline": "% ahli",
    "offers": [{"resource": "RESOURCE_MENTORING", "text": "% bimbing"}],
    "seats": {"total": 3}}]})";
constexpr char kEvidence[] = R"({
  "authorId": "satu", "aboutId": "guru", "kind": "EVIDENCE_KIND_REFERENCE",
  "eventTime": "2026-01-02T03:04:05Z", "note": "% catatan",
  "externalRef": "%-ref"})";

std::string Filled(const char* text) {
  return absl::StrReplaceAll(text, {{"%", kCanary}});
}

class RedactionTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", spans_.url().c_str(), 1);
    setenv("OTEL_BSP_SCHEDULE_DELAY", "50", 1);
    std::map<std::string, std::vector<std::string>> flags;
    for (const char* service : kServices) {
      flags[service] = {absl::StrCat("--log.level=", GetParam())};
    }
    flags["gateway"].push_back("--audit.file=" + audit_.File("audit.jsonl"));
    auto started = testing::Cluster::Start(std::move(flags));
    unsetenv("OTEL_EXPORTER_OTLP_ENDPOINT");
    unsetenv("OTEL_BSP_SCHEDULE_DELAY");
    ASSERT_TRUE(started.ok()) << started.status();
    cluster_ = *std::move(started);
    key_ = cluster_->key();
  }

  // The answer's body, then a line with its status.
  std::string Ask(const std::string& verb, const std::string& path,
                  const std::string& body = "",
                  const std::string& credential = "") {
    std::vector<std::string> argv = {
        "curl",
        "-sS",
        "-X",
        verb,
        "-H",
        absl::StrCat("Authorization: ", credential.empty()
                                            ? absl::StrCat("Bearer ", key_)
                                            : credential),
        "-w",
        "\n%{http_code}"};
    if (!body.empty()) {
      argv.insert(argv.end(), {"-H", "Content-Type: application/json",
                               "--data-binary", body});
    }
    argv.push_back(absl::StrCat("http://", cluster_->http_address(), path));
    const auto done = testing::RunCommand(std::move(argv));
    EXPECT_TRUE(done.ok()) << done.status();
    return done.ok() ? done->output : "";
  }

  void Expect(const std::string& answer, const char* status) {
    EXPECT_THAT(answer, ::testing::EndsWith(absl::StrCat("\n", status)));
  }
  // Refused, and the error does not say it back.
  void ExpectRefused(const std::string& answer, const char* status) {
    Expect(answer, status);
    EXPECT_THAT(answer, Not(HasSubstr(kCanary)));
  }

  void WriteAndRead() {
    Expect(Ask("PUT", "/v1/profiles/satu", Filled(kProfile)), "200");
    Expect(Ask("PUT", "/v1/profiles/guru", Filled(kMentor)), "200");
    Expect(Ask("POST", "/v1/evidence", Filled(kEvidence)), "200");
    EXPECT_THAT(Ask("GET", "/v1/profiles/satu"), HasSubstr(kCanary))
        << "it was kept";
    EXPECT_TRUE(testing::Eventually([&] {
      return absl::StrContains(
          Ask("GET", absl::StrCat("/v1/profiles:search?query=", kCanary)),
          "guru");
    }));
    EXPECT_TRUE(testing::Eventually([&] {
      return absl::StrContains(
          Ask("GET",
              "/v1/profiles/satu:recommend?kinds=RECOMMENDATION_KIND_MENTOR"),
          "guru");
    }));
    for (const char* path :
         {"/v1/profiles/satu:explain?candidateId=guru",
          "/v1/profiles/satu:trust?targetId=guru", "/v1/profiles/guru:standing",
          "/v1/profiles/satu:diagnose"}) {
      Expect(Ask("GET", path), "200");
    }
  }

  void MakeMistakes() {
    const std::string canary = kCanary;
    const auto put = [&](const std::string& body) {
      return Ask("PUT", "/v1/profiles/dua", body);
    };
    ExpectRefused(put("{\"regionCode\": \"" + canary + "\"}"), "400");
    ExpectRefused(put("{\"displayName\": " + canary + "}"), "400");
    ExpectRefused(put(absl::StrReplaceAll(Filled(kMentor),
                                          {{"33.72.01", "99." + canary}})),
                  "400");
    ExpectRefused(put(absl::StrReplaceAll(
                      Filled(kMentor),
                      {{canary + " guru", canary + std::string(300, 'x')}})),
                  "400");
    ExpectRefused(
        put(absl::StrReplaceAll(Filled(kProfile), {{"+628", canary}})), "400");
    ExpectRefused(
        Ask("POST", "/v1/evidence",
            absl::StrReplaceAll(Filled(kEvidence), {{"guru", "tiada"}})),
        "404");
    for (const std::string& credential :
         {"Bearer mk_" + canary, "Bearer " + canary + "." + canary + ".x",
          "Basic " + canary}) {
      ExpectRefused(Ask("GET", "/v1/profiles/satu", "", credential), "401");
    }
  }

  testing::HttpSink spans_;
  const testing::TempDir audit_;
  std::unique_ptr<testing::Cluster> cluster_;
  std::string key_;
};

TEST_P(RedactionTest, NothingThatSomebodyWroteOrShowedLeaksOut) {
  WriteAndRead();
  MakeMistakes();
  // Search's own, before it is gone.
  std::map<std::string, std::string> metrics;
  for (const std::string service : kServices) {
    const auto answer = testing::RunCommand(
        {"curl", "-sS",
         absl::StrCat("http://", cluster_->admin_address(service),
                      "/metrics")});
    ASSERT_TRUE(answer.ok());
    EXPECT_THAT(answer->output, HasSubstr("mitra_")) << service;
    metrics[service] = answer->output;
  }
  cluster_->Kill("search");
  Expect(Ask("GET",
             "/v1/profiles/satu:recommend?fresh=true&kinds="
             "RECOMMENDATION_KIND_MENTOR"),
         "200");
  EXPECT_TRUE(testing::Eventually([&] {
    return absl::StrContains(spans_.received(), "Profiles/UpsertProfile");
  }));
  // mk_ID_SECRET; a secret may have underscores of its own.
  const std::string secret = key_.substr(key_.find('_', 3) + 1);
  const auto check = [&](const std::string& what, const std::string& text) {
    EXPECT_THAT(text, Not(HasSubstr(kCanary))) << what;
    EXPECT_THAT(text, Not(HasSubstr(secret))) << what;
    EXPECT_THAT(text, Not(HasSubstr("8123450007"))) << what;
  };
  check("spans", spans_.received());
  const std::string audit =
      testing::ReadFileOrEmpty(audit_.File("audit.jsonl"));
  EXPECT_THAT(audit, HasSubstr("satu")) << "ids belong there";
  check("the audit log", audit);
  for (const std::string service : kServices) {
    check("the log of " + service, cluster_->whole_log(service));
    check("the metrics of " + service, metrics[service]);
  }
}

INSTANTIATE_TEST_SUITE_P(AtEveryLevel, RedactionTest,
                         ::testing::Values("debug", "info", "warning", "error",
                                           "off"),
                         [](const auto& at) { return std::string(at.param); });

}  // namespace
}  // namespace mitra
