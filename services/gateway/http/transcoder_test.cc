#include "services/gateway/http/transcoder.h"

#include "common/status/status_matchers.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "services/gateway/http/json_codec.h"

namespace mitra::gateway {
namespace {

using google::protobuf::Message;

class TranscoderTest : public ::testing::Test {
 protected:
  TranscoderTest()
      : methods_(MethodTable::Create().value()),
        routes_(RouteTable::Create(methods_).value()) {}

  absl::StatusOr<std::unique_ptr<Message>> Request(absl::string_view verb,
                                                   absl::string_view path,
                                                   RequestParts parts) {
    MITRA_ASSIGN_OR_RETURN(const Route route, routes_.Match(verb, path));
    return BuildRequest(route, parts);
  }

  // The request as JSON.
  std::string Json(absl::string_view verb, absl::string_view path,
                   RequestParts parts) {
    const auto request = Request(verb, path, parts);
    if (!request.ok()) return request.status().ToString();
    std::string json;
    WriteJson(**request, json);
    return json;
  }

  const MethodTable methods_;
  const RouteTable routes_;
};

TEST_F(TranscoderTest, JoinsPathQueryBodyAndHeaders) {
  EXPECT_EQ(Json("GET", "/v1/profiles/m1",
                 {.query = "view=PROFILE_VIEW_OWN&actorId=m1"}),
            R"({"profileId":"m1","view":"PROFILE_VIEW_OWN","actorId":"m1"})");
  EXPECT_EQ(Json("PUT", "/v1/profiles/m1",
                 {.query = "validateOnly=true",
                  .body = R"({"displayName":"Warung"})",
                  .idempotency_key = "k-1",
                  .if_match = "\"e1\""}),
            R"({"profile":{"profileId":"m1","displayName":"Warung",)"
            R"("etag":"e1"},"requestId":"k-1","validateOnly":true})");
  EXPECT_EQ(Json("DELETE", "/v1/profiles/m1", {.if_match = "\"e1\""}),
            R"({"profileId":"m1","etag":"e1"})");
  EXPECT_EQ(Json("PATCH", "/v1/profiles/m1",
                 {.query = "updateMask=displayName,about", .body = "{}"}),
            R"({"profile":{"profileId":"m1"},)"
            R"("updateMask":"displayName,about"})");
}

TEST_F(TranscoderTest, ReadsPlusAsSpaceOnlyInTheQuery) {
  EXPECT_EQ(Json("GET", "/v1/profiles:search",
                 {.query = "query=kue+kering%2B%26&roles=1&roles=2"}),
            Json("POST", "/v1/profiles:search",
                 {.body = R"({"query":"kue kering+&","roles":[1,2]})"}));
  EXPECT_EQ(Json("GET", "/v1/profiles/a+b", {}), R"({"profileId":"a+b"})");
}

TEST_F(TranscoderTest, RefusesWhatContradictsThePath) {
  EXPECT_THAT(
      Request("PUT", "/v1/profiles/m1", {.body = R"({"profileId":"m2"})"}),
      NamesField("profile.profile_id"));
  EXPECT_THAT(Request("POST", "/v1/profiles/m1:recommend",
                      {.body = R"({"profileId":"m2","kinds":[1]})"}),
              NamesField("profile_id"));
  EXPECT_THAT(Request("GET", "/v1/profiles/m1", {.query = "profile_id=m2"}),
              NamesField("profile_id"));
  EXPECT_THAT(Request("GET", "/v1/profiles/m1", {.query = "profile_id=m1"}),
              IsOk());
  EXPECT_THAT(Request("DELETE", "/v1/profiles/m1",
                      {.query = "etag=a", .if_match = "\"b\""}),
              NamesField("etag"));
  EXPECT_THAT(Request("DELETE", "/v1/profiles/m1",
                      {.query = "requestId=a", .idempotency_key = "b"}),
              NamesField("request_id"));
}

TEST_F(TranscoderTest, WantsBodiesWhereTheyBelong) {
  EXPECT_THAT(Request("PUT", "/v1/profiles/m1", {}),
              HasReason("BODY_REQUIRED"));
  EXPECT_THAT(Request("POST", "/v1/profiles/m1:recommend", {}),
              HasReason("BODY_REQUIRED"));
  EXPECT_THAT(Request("GET", "/v1/profiles/m1", {.body = "{}"}),
              HasReason("BODY_NOT_ALLOWED"));
  EXPECT_THAT(Request("DELETE", "/v1/profiles/m1", {.body = "{}"}),
              HasReason("BODY_NOT_ALLOWED"));
  EXPECT_THAT(Request("POST", "/v1/refreshes/r1:cancel", {}), IsOk());
  EXPECT_THAT(Request("POST", "/v1/snapshots/search", {}), IsOk());
}

TEST_F(TranscoderTest, KeepsQueryAndBodyApart) {
  EXPECT_THAT(Request("POST", "/v1/profiles/m1:recommend",
                      {.query = "pageSize=3", .body = "{}"}),
              NamesField("query"));
  EXPECT_THAT(Request("PUT", "/v1/profiles/m1",
                      {.query = "profile.displayName=x", .body = "{}"}),
              NamesField("profile"));
  EXPECT_THAT(Request("GET", "/v1/profiles", {.query = "pageSiz=3"}),
              NamesField("pageSiz"));
  EXPECT_THAT(Request("GET", "/v1/profiles", {.query = "pageSize=%4"}),
              NamesField("query"));
  EXPECT_THAT(Request("GET", "/v1/profiles", {.query = "pageToken=%C3%28"}),
              NamesField("page_token"));
}

TEST_F(TranscoderTest, ChecksHeadersThatStandForFields) {
  EXPECT_THAT(Request("DELETE", "/v1/profiles/m1", {.idempotency_key = "a b"}),
              NamesField("Idempotency-Key"));
  EXPECT_THAT(Request("DELETE", "/v1/profiles/m1",
                      {.idempotency_key = std::string(65, 'a')}),
              NamesField("Idempotency-Key"));
  EXPECT_THAT(Request("GET", "/v1/profiles/m1", {.idempotency_key = "k"}),
              IsOk());
  for (const char* tag : {"e1", "*", "W/\"e1\"", "\"a\",\"b\"", "\"\""}) {
    EXPECT_THAT(Request("DELETE", "/v1/profiles/m1", {.if_match = tag}),
                NamesField("If-Match"))
        << tag;
  }
  EXPECT_THAT(Request("GET", "/v1/profiles", {.if_match = "\"e1\""}),
              NamesField("If-Match"));
}

}  // namespace
}  // namespace mitra::gateway
