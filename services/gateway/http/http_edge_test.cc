// The HTTP edge over real sockets: what is not a good request gets one of the
// errors that the API names, and the server lives on.

#include <latch>

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.pb.h"
#include "services/gateway/testing/gateway_harness.h"

namespace mitra::gateway {
namespace {

using ::testing::AnyOf;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kGet[] = "/mitra.v1.Profiles/GetProfile";
constexpr char kUpsert[] = "/mitra.v1.Profiles/UpsertProfile";

class HttpEdgeTest : public ::testing::Test {
 protected:
  HttpEdgeTest() : HttpEdgeTest(GatewayHarness::Options()) {}
  explicit HttpEdgeTest(GatewayHarness::Options options)
      : gateway_(std::move(options)),
        auth_("Authorization: Bearer " + gateway_.NewKey({"*"}) + "\r\n") {}

  // The server still answers.
  void ExpectAlive() const {
    EXPECT_EQ(gateway_.Http("GET", "/livez").status, 200);
  }

  GatewayHarness gateway_;
  const std::string auth_;
};

struct BadRequest {
  std::string what, verb, target, headers, body;
  int status;
  std::string says;
};

TEST_F(HttpEdgeTest, RefusesWhatIsNoGoodRequestAndSaysWhy) {
  const std::string json = "Content-Type: application/json\r\n";
  const std::string profile = "/v1/profiles/a";
  const BadRequest cases[] = {
      {"unknown path", "GET", "/v1/nothing", "", "", 404, "ROUTE_NOT_FOUND"},
      {"unknown path below one", "GET", "/v1/profiles/a/b/c", "", "", 404,
       "ROUTE_NOT_FOUND"},
      {"wrong verb", "POST", profile, "", "", 405, "METHOD_NOT_ALLOWED"},
      {"broken escape", "GET", "/v1/profiles/%zz", "", "", 400, "profile_id"},
      {"escaped non-UTF-8", "GET", "/v1/profiles/%ff", "", "", 400,
       "profile_id"},
      {"unknown query field", "GET", "/v1/profiles?colour=red", "", "", 400,
       "colour"},
      {"query field of another kind", "GET", "/v1/profiles?pageSize=many", "",
       "", 400, "page_size"},
      {"query integer out of range", "GET",
       "/v1/profiles?pageSize=99999999999999999999", "", "", 400, "page_size"},
      {"text body", "PUT", profile, "Content-Type: text/plain\r\n", "hello",
       415, "UNSUPPORTED_MEDIA_TYPE"},
      {"compressed body", "PUT", profile, "Content-Encoding: br\r\n" + json,
       "{}", 415, "UNSUPPORTED_MEDIA_TYPE"},
      {"no JSON", "PUT", profile, json, "{nope", 400, "INVALID"},
      {"unknown field", "PUT", profile, json, "{\"colour\":1}", 400, "colour"},
      {"repeated key", "PUT", profile, json,
       R"({"displayName":"a","displayName":"b"})", 400, "display_name"},
      {"number where text belongs", "PUT", profile, json,
       R"({"displayName":7})", 400, "display_name"},
      {"bytes that are no UTF-8", "PUT", profile, json,
       "{\"displayName\":\"\xff\"}", 400, ""},
      {"100,000 open lists", "PUT", profile, json, std::string(100'000, '['),
       400, ""},
      {"100,000 open objects", "PUT", profile, json,
       [] {
         std::string deep;
         for (int i = 0; i < 100'000; ++i) deep += "{\"facets\":";
         return deep;
       }(),
       400, ""},
      {"float out of range", "PUT", profile, json,
       R"({"facets":[{"role":"MENTOR","needVector":[1e39]}]})", 400, ""},
      {"double out of range", "PUT", profile, json,
       R"({"facets":[{"needs":[{"quantity":{"amount":1e999}}]}]})", 400, ""},
      {"header twice", "GET", profile, "Traceparent: a\r\nTraceparent: b\r\n",
       "", 400, "traceparent"},
      {"time-out that is none", "GET", profile, "X-Request-Timeout: soon\r\n",
       "", 400, "X-Request-Timeout"},
      {"negative time-out", "GET", profile, "X-Request-Timeout: -1s\r\n", "",
       400, "X-Request-Timeout"},
      {"etag that is none", "DELETE", profile, "If-Match: nope\r\n", "", 400,
       ""},
  };
  for (const BadRequest& bad : cases) {
    SCOPED_TRACE(bad.what);
    const HttpAnswer answer =
        gateway_.Http(bad.verb, bad.target, auth_ + bad.headers, bad.body);
    EXPECT_EQ(answer.status, bad.status) << answer.head << answer.body;
    EXPECT_THAT(answer.body, HasSubstr(bad.says));
    EXPECT_THAT(answer.body, HasSubstr("\"error\":{\"code\":"))
        << "the one error shape";
    EXPECT_THAT(answer.head, HasSubstr("X-Request-Id: "));
    ExpectAlive();
  }
}

TEST_F(HttpEdgeTest, RefusesWhatIsNoHttp) {
  const std::string line = "GET /v1/profiles/a HTTP/1.1\r\nHost: x\r\n";
  EXPECT_EQ(gateway_.Raw("\x16\x03\x01 hello TLS\r\n\r\n").status, 400);
  EXPECT_EQ(gateway_.Raw("GET\r\n\r\n").status, 400);
  EXPECT_THAT(
      gateway_.Raw(line + "X-A: " + std::string(100'000, 'a') + "\r\n\r\n")
          .status,
      AnyOf(400, 431));
  std::string many = line;
  for (int i = 0; i < 200; ++i) absl::StrAppend(&many, "X-", i, ": a\r\n");
  EXPECT_THAT(gateway_.Raw(many + "\r\n").body, HasSubstr("HEADERS_TOO_LARGE"));
  EXPECT_THAT(gateway_
                  .Raw("GET /" + std::string(20'000, 'a') +
                       " HTTP/1.1\r\nHost: x\r\n\r\n")
                  .body,
              HasSubstr("URL_TOO_LONG"));
  // Declared, not sent: refused before it is read.
  EXPECT_EQ(gateway_
                .Raw("PUT /v1/profiles/a HTTP/1.1\r\nHost: x\r\n" + auth_ +
                     "Content-Length: 999999999\r\n\r\n")
                .status,
            413);
  EXPECT_THAT(gateway_
                  .Raw("GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\n"
                       "Upgrade: h2c\r\n\r\n")
                  .status,
              Eq(400));
  ExpectAlive();
}

TEST_F(HttpEdgeTest, ValuesThatMetadataCannotHoldDoNotReachIt) {
  // The gRPC client would abort the process over any of these.
  std::string seen = "unset";
  gateway_.Answer(kGet,
                  [&](rpc::CallContext& call, const rpc::RawMessage&,
                      rpc::RawMessage&) -> rpc::Task<absl::Status> {
                    seen = call.request_id;
                    co_return absl::OkStatus();
                  });
  for (const std::string value :
       {"a\x01", "a\x7f", "\xff\xfe", "a b", "\xc3\xa9"}) {
    for (const char* name : {"X-Request-Id", "Traceparent", "X-Other"}) {
      const HttpAnswer answer =
          gateway_.Http("GET", "/v1/profiles/a",
                        absl::StrCat(auth_, name, ": ", value, "\r\n"));
      EXPECT_THAT(answer.status, AnyOf(200, 400)) << name;
      EXPECT_THAT(seen, Not(HasSubstr(value)));
      ExpectAlive();
    }
    const HttpAnswer answer = gateway_.Http(
        "GET", "/v1/profiles/a", absl::StrCat("X-Api-Key: ", value, "\r\n"));
    EXPECT_THAT(answer.status, AnyOf(400, 401));
  }
}

TEST_F(HttpEdgeTest, CallsCarryTheirNamesAndComeBackWithThem) {
  const std::string trace =
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  std::string request_id;
  std::string traceparent;
  gateway_.Answer(kGet,
                  [&](rpc::CallContext& call, const rpc::RawMessage& request,
                      rpc::RawMessage& response) -> rpc::Task<absl::Status> {
                    request_id = call.request_id;
                    traceparent = call.traceparent;
                    v1::GetProfileRequest get;
                    const absl::Status parsed = request.ParseTo(get);
                    if (!parsed.ok()) co_return parsed;
                    v1::Profile profile;
                    profile.set_profile_id(get.profile_id());
                    profile.set_etag("7-42");
                    call.SetTrailer(rpc::kRevisionKey, "7-42");
                    response = rpc::RawMessage::Of(profile);
                    co_return absl::OkStatus();
                  });
  const HttpAnswer answer = gateway_.Http(
      "GET", "/v1/profiles/a%2Db",
      auth_ + "X-Request-Id: r-1\r\nTraceparent: " + trace + "\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("\"profileId\":\"a-b\""))
      << "decoded after the path was split";
  EXPECT_EQ(request_id, "r-1");
  EXPECT_THAT(traceparent, HasSubstr("0af7651916cd43dd8448eb211c80319c"));
  EXPECT_THAT(answer.head, HasSubstr("X-Request-Id: r-1\r\n"));
  EXPECT_THAT(answer.head, HasSubstr("Mitra-Revision: 7-42\r\n"));
  EXPECT_THAT(answer.head, HasSubstr("ETag: \"7-42\"\r\n"));
}

TEST_F(HttpEdgeTest, HeadersFillTheRequest) {
  v1::UpsertProfileRequest seen;
  gateway_.Answer(kUpsert,
                  [&](rpc::CallContext&, const rpc::RawMessage& request,
                      rpc::RawMessage&) -> rpc::Task<absl::Status> {
                    co_return request.ParseTo(seen);
                  });
  EXPECT_EQ(gateway_
                .Http("PUT", "/v1/profiles/a",
                      auth_ + "Idempotency-Key: once\r\nIf-Match: \"7-42\"\r\n",
                      R"({"displayName":"Sari"})")
                .status,
            200);
  EXPECT_EQ(seen.profile().profile_id(), "a");
  EXPECT_EQ(seen.profile().display_name(), "Sari");
  EXPECT_EQ(seen.profile().etag(), "7-42");
  EXPECT_EQ(seen.request_id(), "once");
}

// A caller that gives up, or sets a limit, stops the work behind the edge too.
TEST_F(HttpEdgeTest, DeadlinesReachTheServiceAndEndItsWork) {
  absl::Duration left;
  std::latch stopped(1);
  gateway_.Answer(kGet,
                  [&](rpc::CallContext& call, const rpc::RawMessage&,
                      rpc::RawMessage&) -> rpc::Task<absl::Status> {
                    left = call.remaining();
                    const auto start = [&call](std::function<void(bool)> done) {
                      call.AddCancelHook([done] { done(true); });
                    };
                    (void)co_await rpc::Callback<bool>(start);
                    stopped.count_down();
                    co_return call.CheckAlive();
                  });
  const HttpAnswer answer = gateway_.Http(
      "GET", "/v1/profiles/a", auth_ + "X-Request-Timeout: 200ms\r\n");
  EXPECT_EQ(answer.status, 504) << answer.body;
  EXPECT_THAT(answer.body, HasSubstr("DEADLINE_EXCEEDED"));
  EXPECT_LE(left, 1.01 * absl::Milliseconds(200));  // the wire rounds up
  stopped.wait();  // the service has stopped, or the test hangs
}

TEST_F(HttpEdgeTest, WithoutALimitTheMethodsOwnHolds) {
  absl::Duration left;
  gateway_.Answer(kGet,
                  [&](rpc::CallContext& call, const rpc::RawMessage&,
                      rpc::RawMessage&) -> rpc::Task<absl::Status> {
                    left = call.remaining();
                    co_return absl::OkStatus();
                  });
  const v1::MethodPolicy& policy = gateway_.methods().Find(kGet)->policy;
  EXPECT_EQ(gateway_.Http("GET", "/v1/profiles/a", auth_).status, 200);
  // The wire rounds a limit up, by 1 % at most.
  EXPECT_LE(left, 1.01 * absl::Milliseconds(policy.default_timeout_ms()));
  EXPECT_GT(left, absl::ZeroDuration());
  EXPECT_EQ(
      gateway_
          .Http("GET", "/v1/profiles/a", auth_ + "X-Request-Timeout: 80000\r\n")
          .status,
      200);
  EXPECT_LE(left, 1.01 * absl::Milliseconds(policy.max_timeout_ms()));
}

TEST_F(HttpEdgeTest, ErrorsOfServicesKeepTheirReasonsAndHideTheRest) {
  absl::Status answer;
  gateway_.Answer(
      kGet,
      [&](rpc::CallContext&, const rpc::RawMessage&,
          rpc::RawMessage&) -> rpc::Task<absl::Status> { co_return answer; });
  const auto ask = [&](absl::Status status) {
    answer = std::move(status);
    return gateway_.Http("GET", "/v1/profiles/a", auth_);
  };
  const HttpAnswer missing = ask(MakeError(
      absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND", "no such profile"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr("PROFILE_NOT_FOUND"));
  const HttpAnswer busy = ask(WithRetryDelay(
      MakeError(absl::StatusCode::kResourceExhausted, "QUEUE_FULL", "busy"),
      absl::Milliseconds(1500)));
  EXPECT_EQ(busy.status, 429);
  EXPECT_THAT(busy.head, HasSubstr("Retry-After: 2\r\n"));
  const HttpAnswer broken = ask(absl::InternalError("password is hunter2"));
  EXPECT_EQ(broken.status, 500);
  EXPECT_THAT(broken.body, Not(HasSubstr("hunter2")));
}

TEST_F(HttpEdgeTest, DocumentsAreForEverybodyAndComeOnce) {
  const HttpAnswer page = gateway_.Http("GET", "/page.html");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "<p>page</p>");
  EXPECT_THAT(page.head,
              HasSubstr("Content-Security-Policy: default-src 'self'"));
  const size_t at = page.head.find("ETag: ") + 6;
  const std::string etag = page.head.substr(at, page.head.find('\r', at) - at);
  const HttpAnswer again =
      gateway_.Http("GET", "/page.html", "If-None-Match: " + etag + "\r\n");
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(gateway_.Http("GET", "/../etc/passwd").status, 401);
  EXPECT_EQ(gateway_.Http("POST", "/page.html").status, 401);
}

class SlowClientTest : public HttpEdgeTest {
 protected:
  SlowClientTest() : HttpEdgeTest(Impatient()) {}
  static GatewayHarness::Options Impatient() {
    GatewayHarness::Options options;
    options.http.read_timeout = absl::Milliseconds(300);
    return options;
  }
};

TEST_F(SlowClientTest, IsToldThatItTookTooLong) {
  const HttpAnswer answer =
      gateway_.Raw("PUT /v1/profiles/a HTTP/1.1\r\nHost: x\r\n" + auth_ +
                   "Content-Length: 10\r\n\r\n{");
  EXPECT_EQ(answer.status, 408) << answer.head;
  EXPECT_THAT(answer.body, HasSubstr("REQUEST_TIMEOUT"));
  ExpectAlive();
}

class BusyTest : public HttpEdgeTest {
 protected:
  BusyTest() : HttpEdgeTest(Small()) {}
  static GatewayHarness::Options Small() {
    GatewayHarness::Options options;
    options.admission.units_per_second = 1e-3;
    options.admission.burst_units = 3;
    return options;
  }
};

TEST_F(BusyTest, QuotaIsOfTheCredentialAndSaysWhenToComeBack) {
  int refused = 0;
  HttpAnswer last;
  for (int i = 0; i < 10; ++i) {
    last = gateway_.Http("GET", "/v1/profiles/a", auth_);
    refused += last.status == 429;
  }
  EXPECT_EQ(refused, 7);
  EXPECT_THAT(last.head, HasSubstr("Retry-After: "));
  EXPECT_THAT(last.body, HasSubstr("QUOTA_EXCEEDED"));
  const std::string member =
      "X-Api-Key: " + gateway_.NewKey({"*"}, "a") + "\r\n";
  EXPECT_EQ(gateway_.Http("GET", "/v1/profiles/a", member).status, 200)
      << "the quota of another credential";
}

TEST_F(HttpEdgeTest, DrainingRefusesAndCancelsWhatIsLeft) {
  std::latch begun(1);
  gateway_.Answer(kGet,
                  [&](rpc::CallContext& call, const rpc::RawMessage&,
                      rpc::RawMessage&) -> rpc::Task<absl::Status> {
                    begun.count_down();
                    const auto start = [&call](std::function<void(bool)> done) {
                      call.AddCancelHook([done] { done(true); });
                    };
                    (void)co_await rpc::Callback<bool>(start);
                    co_return call.CheckAlive();
                  });
  HttpAnswer answer;
  std::thread caller(
      [&] { answer = gateway_.Http("GET", "/v1/profiles/a", auth_); });
  begun.wait();
  gateway_.http().Drain(absl::ZeroDuration());
  caller.join();
  EXPECT_EQ(answer.status, 499) << answer.body;
}

}  // namespace
}  // namespace mitra::gateway
