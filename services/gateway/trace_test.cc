// Trace context through the edge: what comes in goes on, and with an exporter
// every hop has a span of its own.

#include "absl/strings/str_cat.h"
#include "common/observability/trace_export.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/gateway/testing/gateway_harness.h"

namespace mitra::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kGet[] = "/mitra.v1.Profiles/GetProfile";
constexpr char kTrace[] = "0af7651916cd43dd8448eb211c80319c";
constexpr char kSpan[] = "b7ad6b7169203331";

class TraceTest : public ::testing::Test {
 protected:
  TraceTest() {
    gateway_.Answer(kGet,
                    [this](rpc::CallContext& call, const rpc::RawMessage&,
                           rpc::RawMessage&) -> rpc::Task<absl::Status> {
                      seen_ = call.traceparent;
                      co_return absl::OkStatus();
                    });
  }
  void Http(const std::string& traceparent) {
    const std::string header =
        traceparent.empty() ? "" : "Traceparent: " + traceparent + "\r\n";
    EXPECT_EQ(gateway_
                  .Http("GET", "/v1/profiles/a",
                        "X-Api-Key: " + key_ + "\r\n" + header)
                  .status,
              200);
  }
  void Grpc(const std::string& traceparent) {
    std::map<std::string, std::string> metadata = {{"x-api-key", key_}};
    if (!traceparent.empty()) metadata["traceparent"] = traceparent;
    MITRA_EXPECT_OK(gateway_.Grpc(kGet, metadata));
  }

  GatewayHarness gateway_;
  const std::string key_ = gateway_.NewKey({"*"});
  const std::string parent_ = absl::StrCat("00-", kTrace, "-", kSpan, "-01");
  std::string seen_;
};

TEST_F(TraceTest, WhatComesInGoesOnAsItIs) {
  Http(parent_);
  EXPECT_EQ(seen_, parent_);
  Grpc(parent_);
  EXPECT_EQ(seen_, parent_);
  for (const std::string& bad :
       {std::string("00-zz"), parent_ + "-x", std::string("")}) {
    Http(bad);
    EXPECT_EQ(seen_, "") << bad;
    Grpc(bad);
    EXPECT_EQ(seen_, "") << bad;
  }
}

TEST_F(TraceTest, WithAnExporterEachHopHasASpanOfTheSameTrace) {
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto exporter,
      TraceExporter::Start(
          "gateway", {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"}}));
  for (const bool http : {true, false}) {
    if (http) {
      Http(parent_);
    } else {
      Grpc(parent_);
    }
    EXPECT_THAT(seen_, HasSubstr(kTrace));
    EXPECT_THAT(seen_, Not(HasSubstr(kSpan))) << "the edge's own span";
    EXPECT_THAT(seen_, ::testing::EndsWith("-01"));
    if (http) {
      Http("");
    } else {
      Grpc("");
    }
    EXPECT_TRUE(ParseTraceparent(seen_).has_value()) << "a new trace";
    EXPECT_THAT(seen_, Not(HasSubstr(kTrace)));
  }
}

}  // namespace
}  // namespace mitra::gateway
