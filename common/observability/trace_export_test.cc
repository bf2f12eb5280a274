#include "common/observability/trace_export.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "common/observability/http_post.h"
#include "common/observability/metrics.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/certificates.h"
#include "tests/support/eventually.h"
#include "tests/support/http_sink.h"
#include "tests/support/temp_dir.h"

namespace mitra {
namespace {

using ::testing::HasSubstr;

constexpr char kParent[] =
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

using Collector = ::mitra::testing::HttpSink;

TraceExporter::Environment Environment(const Collector& collector) {
  return {{"OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()},
          {"OTEL_BSP_SCHEDULE_DELAY", "10"}};
}

Span MakeSpan(const std::string& name) {
  Span span;
  span.context = StartSpan(kParent, span.parent_id);
  span.name = name;
  span.start = absl::FromUnixSeconds(1'800'000'000);
  span.end = span.start + absl::Milliseconds(5);
  return span;
}

uint64_t Count(const char* outcome) {
  return Metrics()
      .GetCounter("mitra_trace_spans_total", "", {{"outcome", outcome}})
      .value();
}

TEST(TraceExportTest, SpansReachTheCollector) {
  Collector collector(200);
  auto environment = Environment(collector);
  environment["OTEL_EXPORTER_OTLP_HEADERS"] = "x-key=abc";
  environment["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment=test";
  MITRA_ASSERT_OK_AND_ASSIGN(const auto exporter,
                             TraceExporter::Start("search", environment));
  ASSERT_NE(exporter, nullptr);
  EXPECT_TRUE(TracingEnabled());
  const Span span = MakeSpan("/mitra.v1.Search/SearchProfiles");
  ExportSpan(span);
  EXPECT_TRUE(testing::Eventually([&] {
    return absl::StrContains(collector.received(), span.context.span_id);
  }));
  const std::string text = collector.received();
  EXPECT_THAT(text, HasSubstr("POST /v1/traces HTTP/1.1\r\n"));
  EXPECT_THAT(text, HasSubstr("x-key: abc\r\n"));
  const auto json = nlohmann::json::parse(text.substr(text.find("\r\n\r\n")));
  const auto& resource = json["resourceSpans"][0];
  EXPECT_THAT(resource["resource"].dump(), HasSubstr("mitra-search"));
  EXPECT_THAT(resource["resource"].dump(), HasSubstr("deployment.environment"));
  const auto& sent = resource["scopeSpans"][0]["spans"][0];
  EXPECT_EQ(sent["traceId"], "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(sent["parentSpanId"], "b7ad6b7169203331");
  EXPECT_EQ(sent["name"], "mitra.v1.Search/SearchProfiles");
  EXPECT_EQ(sent["startTimeUnixNano"], "1800000000000000000");
  EXPECT_EQ(sent["endTimeUnixNano"], "1800000000005000000");
}

class TlsCollectorTest : public ::testing::Test {
 protected:
  TlsCollectorTest() {
    testing::WriteFileOrDie(dir_.File("ca.pem"), authority_.cert());
    authority_.Issue().WriteTo(dir_.File("cert.pem"), dir_.File("key.pem"));
  }

  // What became of one span under these variables.
  bool Arrives(const Collector& collector,
               TraceExporter::Environment environment) {
    environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url();
    environment["OTEL_BSP_SCHEDULE_DELAY"] = "10";
    const auto exporter = TraceExporter::Start("search", environment);
    EXPECT_THAT(exporter, IsOk());
    if (!exporter.ok()) return false;
    const Span span = MakeSpan("/a/b");
    ExportSpan(span);
    // A failed try is repeated after a second: the second one may not come.
    return testing::Eventually(
        [&] {
          return absl::StrContains(collector.received(), span.context.span_id);
        },
        absl::Milliseconds(700));
  }

  const testing::TempDir dir_;
  const testing::CertificateAuthority authority_;
};

TEST_F(TlsCollectorTest, SpansReachItWhenItIsTheOneToBelieve) {
  Collector collector(dir_.File("cert.pem"), dir_.File("key.pem"));
  EXPECT_TRUE(Arrives(
      collector, {{"OTEL_EXPORTER_OTLP_CERTIFICATE", dir_.File("ca.pem")}}));
  EXPECT_FALSE(Arrives(collector, {})) << "the system knows no such authority";
  const testing::CertificateAuthority stranger;
  testing::WriteFileOrDie(dir_.File("stranger.pem"), stranger.cert());
  EXPECT_FALSE(Arrives(
      collector,
      {{"OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", dir_.File("stranger.pem")},
       {"OTEL_EXPORTER_OTLP_CERTIFICATE", dir_.File("ca.pem")}}));
}

TEST_F(TlsCollectorTest, ItsCertificateMustBearItsName) {
  authority_.Issue({.names = {"DNS:another.example"}})
      .WriteTo(dir_.File("other.pem"), dir_.File("other.key"));
  Collector collector(dir_.File("other.pem"), dir_.File("other.key"));
  EXPECT_FALSE(Arrives(
      collector, {{"OTEL_EXPORTER_OTLP_CERTIFICATE", dir_.File("ca.pem")}}));
}

TEST_F(TlsCollectorTest, AClientShowsItsCertificate) {
  Collector collector(dir_.File("cert.pem"), dir_.File("key.pem"),
                      dir_.File("ca.pem"));
  const std::string ca = dir_.File("ca.pem");
  EXPECT_FALSE(Arrives(collector, {{"OTEL_EXPORTER_OTLP_CERTIFICATE", ca}}));
  EXPECT_TRUE(
      Arrives(collector,
              {{"OTEL_EXPORTER_OTLP_CERTIFICATE", ca},
               {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", dir_.File("cert.pem")},
               {"OTEL_EXPORTER_OTLP_CLIENT_KEY", dir_.File("key.pem")}}));
}

TEST_F(TlsCollectorTest, WrongFilesAreNamed) {
  const auto start = [&](const char* name, const std::string& file) {
    return TraceExporter::Start(
               "search",
               {{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://x"}, {name, file}})
        .status();
  };
  EXPECT_THAT(start("OTEL_EXPORTER_OTLP_CERTIFICATE", dir_.File("none.pem")),
              NamesField("OTEL_EXPORTER_OTLP_CERTIFICATE"));
  EXPECT_THAT(
      start("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", dir_.File("cert.pem")),
      NamesField("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"));
}

TEST(TraceExportTest, ACollectorThatHangsBlocksNobodyAndCostsSpans) {
  Collector collector(Collector::kSilence);
  auto environment = Environment(collector);
  environment["OTEL_BSP_MAX_QUEUE_SIZE"] = "100";
  MITRA_ASSERT_OK_AND_ASSIGN(auto exporter,
                             TraceExporter::Start("search", environment));
  const uint64_t dropped = Count("dropped");
  const absl::Time start = absl::Now();
  for (int i = 0; i < 100'000; ++i) ExportSpan(MakeSpan("/a/b"));
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  EXPECT_GE(Count("dropped") - dropped, 99'000u);
  const absl::Time stop = absl::Now();
  exporter.reset();
  EXPECT_LT(absl::Now() - stop, absl::Seconds(5)) << "about a second";
  EXPECT_FALSE(TracingEnabled());
}

TEST(TraceExportTest, WhatIsRefusedIsCountedAndNotRepeated) {
  Collector collector(400);
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto exporter,
      TraceExporter::Start("search", Environment(collector)));
  const uint64_t failed = Count("failed");
  ExportSpan(MakeSpan("/a/b"));
  EXPECT_TRUE(
      testing::Eventually([&] { return Count("failed") == failed + 1; }));
}

TEST(TraceExportTest, WhatIsLeftIsSentAtTheEnd) {
  Collector collector(200);
  auto environment = Environment(collector);
  environment["OTEL_BSP_SCHEDULE_DELAY"] = "1000000";
  MITRA_ASSERT_OK_AND_ASSIGN(auto exporter,
                             TraceExporter::Start("search", environment));
  const Span span = MakeSpan("/a/b");
  ExportSpan(span);
  exporter.reset();
  EXPECT_THAT(collector.received(), HasSubstr(span.context.span_id));
}

TEST(TraceExportTest, SamplersDecideForNewTracesAndParentsForTheirs) {
  Collector collector(200);
  auto environment = Environment(collector);
  environment["OTEL_TRACES_SAMPLER"] = "parentbased_traceidratio";
  environment["OTEL_TRACES_SAMPLER_ARG"] = "0.25";
  MITRA_ASSERT_OK_AND_ASSIGN(const auto exporter,
                             TraceExporter::Start("search", environment));
  std::string parent;
  int sampled = 0;
  for (int i = 0; i < 4000; ++i) sampled += StartSpan("", parent).flags & 1;
  EXPECT_NEAR(sampled, 1000, 150);
  EXPECT_EQ(parent, "");
  EXPECT_EQ(StartSpan(kParent, parent).flags & 1, 1);
  EXPECT_EQ(parent, "b7ad6b7169203331");
  std::string unsampled = kParent;
  unsampled.back() = '0';
  EXPECT_EQ(StartSpan(unsampled, parent).flags & 1, 0);
}

TEST(TraceExportTest, NothingAskedForIsNothingDone) {
  for (const TraceExporter::Environment& off :
       {TraceExporter::Environment{},
        {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://x"},
         {"OTEL_SDK_DISABLED", "true"}},
        {{"OTEL_EXPORTER_OTLP_ENDPOINT", ""}}}) {
    const auto exporter = TraceExporter::Start("search", off);
    ASSERT_TRUE(exporter.ok());
    EXPECT_EQ(*exporter, nullptr);
  }
}

TEST(TraceExportTest, WrongVariablesAreNamed) {
  const auto start = [](const char* name, const char* value) {
    TraceExporter::Environment environment = {
        {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"}};
    environment[name] = value;
    return TraceExporter::Start("search", environment).status();
  };
  EXPECT_THAT(start("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector"),
              NamesField("OTEL_EXPORTER_OTLP_ENDPOINT"));
  EXPECT_THAT(start("OTEL_TRACES_SAMPLER", "sometimes"),
              NamesField("OTEL_TRACES_SAMPLER"));
  EXPECT_THAT(start("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
              NamesField("OTEL_BSP_MAX_QUEUE_SIZE"));
  EXPECT_THAT(start("OTEL_EXPORTER_OTLP_HEADERS", "a\r\nb=c"),
              NamesField("OTEL_EXPORTER_OTLP_HEADERS"));
}

TEST(HttpPostTest, ReadsTargets) {
  MITRA_ASSERT_OK_AND_ASSIGN(const HttpTarget target,
                             ParseHttpTarget("http://[::1]:4318/v1/traces"));
  EXPECT_EQ(target.host, "::1");
  EXPECT_EQ(target.port, "4318");
  EXPECT_EQ(target.path, "/v1/traces");
  EXPECT_FALSE(target.tls);
  MITRA_ASSERT_OK_AND_ASSIGN(const HttpTarget secure,
                             ParseHttpTarget("https://collector.example/x"));
  EXPECT_TRUE(secure.tls);
  EXPECT_EQ(secure.port, "443");
  for (const char* bad : {"", "collector:4318", "http://", "http://a:0",
                          "http://a:99999", "http://u@h", "http://h/a b"}) {
    EXPECT_FALSE(ParseHttpTarget(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace mitra
