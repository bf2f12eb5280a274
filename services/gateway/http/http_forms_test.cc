// The forms that requests and answers may have: packed, without a body, of
// another type, from another origin.

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.pb.h"
#include "services/gateway/http/gzip.h"
#include "services/gateway/http/negotiation.h"
#include "services/gateway/testing/gateway_harness.h"

namespace mitra::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kGet[] = "/mitra.v1.Profiles/GetProfile";
constexpr char kUpsert[] = "/mitra.v1.Profiles/UpsertProfile";

class HttpFormsTest : public ::testing::Test {
 protected:
  HttpFormsTest() : HttpFormsTest(GatewayHarness::Options()) {}
  explicit HttpFormsTest(GatewayHarness::Options options)
      : gateway_(std::move(options)),
        auth_("Authorization: Bearer " + gateway_.NewKey({"*"}) + "\r\n") {
    gateway_.Answer(kGet,
                    [](rpc::CallContext&, const rpc::RawMessage&,
                       rpc::RawMessage& out) -> rpc::Task<absl::Status> {
                      v1::Profile profile;
                      profile.set_etag("7-42");
                      profile.set_display_name(std::string(5000, 'a'));
                      out = rpc::RawMessage::Of(profile);
                      co_return absl::OkStatus();
                    });
    gateway_.Answer(kUpsert,
                    [this](rpc::CallContext&, const rpc::RawMessage& request,
                           rpc::RawMessage&) -> rpc::Task<absl::Status> {
                      co_return request.ParseTo(upserted_);
                    });
  }
  HttpAnswer Get(const std::string& headers, const char* verb = "GET") {
    return gateway_.Http(verb, "/v1/profiles/a", auth_ + headers);
  }
  HttpAnswer Put(const std::string& headers, const std::string& body) {
    return gateway_.Http("PUT", "/v1/profiles/a",
                         auth_ + "Content-Type: application/json\r\n" + headers,
                         body);
  }

  GatewayHarness gateway_;
  const std::string auth_;
  v1::UpsertProfileRequest upserted_;
};

TEST_F(HttpFormsTest, PackedBodiesAreUnpacked) {
  const std::string packed = "Content-Encoding: gzip\r\n";
  EXPECT_EQ(Put(packed, Gzip(R"({"displayName":"Warung Sari"})")).status, 200);
  EXPECT_EQ(upserted_.profile().display_name(), "Warung Sari");
  EXPECT_EQ(Put(packed, Gzip("{\"displayName\":") + Gzip("\"Dua\"}")).status,
            200);
  EXPECT_EQ(upserted_.profile().display_name(), "Dua") << "two members";
  EXPECT_EQ(Put(packed, "{}").status, 400) << "wrongly labelled";
  EXPECT_EQ(Put("", Gzip("{}")).status, 400) << "not labelled";
  const std::string good = Gzip(R"({"displayName":"x"})");
  EXPECT_EQ(Put(packed, good.substr(0, good.size() - 4)).status, 400) << "cut";
  EXPECT_EQ(Put("Content-Encoding: gzip, gzip\r\n", good).status, 415);
}

TEST_F(HttpFormsTest, TheLimitIsOnWhatComesOut) {
  const std::string packed = "Content-Encoding: gzip\r\n";
  const std::string bomb = Gzip(std::string(512 << 20, ' '));
  const HttpAnswer answer = Put(packed, bomb);
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("MESSAGE_TOO_LARGE"));
  std::string two = Gzip(std::string(3 << 20, ' '));
  two += two;
  EXPECT_EQ(Put(packed, two).status, 413) << "of both members together";
  EXPECT_EQ(gateway_.Http("GET", "/livez").status, 200);
}

TEST_F(HttpFormsTest, AnswersArePackedForThoseThatTakeIt) {
  const HttpAnswer plain = Get("");
  EXPECT_THAT(plain.head, Not(HasSubstr("Content-Encoding")));
  EXPECT_THAT(plain.head, HasSubstr("Vary: Accept-Encoding\r\n"));
  const HttpAnswer packed = Get("Accept-Encoding: gzip, br\r\n");
  EXPECT_THAT(packed.head, HasSubstr("Content-Encoding: gzip\r\n"));
  EXPECT_LT(packed.body.size(), 500u);
  EXPECT_THAT(Gunzip(packed.body, 1 << 20), IsOkAndHolds(plain.body));
}

TEST_F(HttpFormsTest, HeadIsGetWithoutItsBody) {
  const HttpAnswer get = Get("");
  const HttpAnswer head = Get("", "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_THAT(head.head, HasSubstr("ETag: \"7-42\"\r\n"));
  EXPECT_THAT(head.head,
              HasSubstr(absl::StrCat("Content-Length: ", get.body.size())));
  EXPECT_EQ(gateway_.Http("HEAD", "/v1/nothing", auth_).status, 404);
  EXPECT_EQ(gateway_.Http("HEAD", "/v1/profiles/a").status, 401);
}

TEST_F(HttpFormsTest, WhatIsKnownIsNotSentAgain) {
  for (const char* tag : {"\"7-42\"", "W/\"7-42\"", "\"1\", \"7-42\"", "*"}) {
    const HttpAnswer known = Get(absl::StrCat("If-None-Match: ", tag, "\r\n"));
    EXPECT_EQ(known.status, 304) << tag;
    EXPECT_EQ(known.body, "");
    EXPECT_THAT(known.head, HasSubstr("ETag: \"7-42\"\r\n"));
  }
  EXPECT_EQ(Get("If-None-Match: \"7-43\"\r\n").status, 200);
}

TEST_F(HttpFormsTest, OtherFormsAreNotAcceptable) {
  for (const char* yes :
       {"*/*", "application/json", "application/*;q=0.1",
        "text/html, application/json;q=0.9", "text/html, */*"}) {
    EXPECT_EQ(Get(absl::StrCat("Accept: ", yes, "\r\n")).status, 200) << yes;
  }
  for (const char* no : {"text/html", "application/json;q=0",
                         "*/*, application/json;q=0", "nonsense"}) {
    const HttpAnswer answer = Get(absl::StrCat("Accept: ", no, "\r\n"));
    EXPECT_EQ(answer.status, 406) << no;
    EXPECT_THAT(answer.body, HasSubstr("NOT_ACCEPTABLE"));
  }
}

TEST_F(HttpFormsTest, OptionsTellsTheVerbs) {
  const HttpAnswer options = gateway_.Http("OPTIONS", "/v1/profiles/a", auth_);
  EXPECT_EQ(options.status, 204);
  EXPECT_THAT(options.head,
              HasSubstr("Allow: DELETE, GET, HEAD, OPTIONS, PATCH, PUT\r\n"));
  const HttpAnswer post = gateway_.Http("POST", "/v1/profiles/a", auth_);
  EXPECT_EQ(post.status, 405);
  EXPECT_THAT(post.head,
              HasSubstr("Allow: DELETE, GET, HEAD, OPTIONS, PATCH, PUT\r\n"));
  EXPECT_EQ(gateway_.Http("OPTIONS", "/v1/nothing", auth_).status, 404);
}

TEST_F(HttpFormsTest, OtherOriginsGetNothingByDefault) {
  const std::string origin = "Origin: https://toko.example\r\n";
  const HttpAnswer preflight =
      gateway_.Http("OPTIONS", "/v1/profiles/a",
                    origin + "Access-Control-Request-Method: PUT\r\n");
  EXPECT_EQ(preflight.status, 401);
  EXPECT_THAT(Get(origin).head, Not(HasSubstr("Access-Control")));
}

class CorsTest : public HttpFormsTest {
 protected:
  CorsTest() : HttpFormsTest(Options()) {}
  static GatewayHarness::Options Options() {
    GatewayHarness::Options options;
    options.cors_origins = {"https://toko.example"};
    return options;
  }
};

TEST_F(CorsTest, PagesOfAllowedOriginsMayCall) {
  const std::string ask = "Access-Control-Request-Method: PUT\r\n";
  const HttpAnswer preflight = gateway_.Http(
      "OPTIONS", "/v1/profiles/a", "Origin: https://toko.example\r\n" + ask);
  EXPECT_EQ(preflight.status, 204);
  EXPECT_THAT(preflight.head,
              HasSubstr("Access-Control-Allow-Origin: https://toko.example"));
  EXPECT_THAT(preflight.head, HasSubstr("PUT"));
  EXPECT_THAT(preflight.head, Not(HasSubstr("Allow-Credentials")));
  EXPECT_EQ(gateway_
                .Http("OPTIONS", "/v1/profiles/a",
                      "Origin: https://evil.example\r\n" + ask)
                .status,
            401);
  EXPECT_THAT(Get("Origin: https://toko.example\r\n").head,
              HasSubstr("Access-Control-Allow-Origin: https://toko.example"));
  EXPECT_THAT(Get("Origin: https://evil.example\r\n").head,
              Not(HasSubstr("Access-Control-Allow-Origin")));
}

}  // namespace
}  // namespace mitra::gateway
