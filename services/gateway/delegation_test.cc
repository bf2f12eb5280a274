// Members, and those who act for them: by key, by token, with consent and
// without, and what the audit log says of it.

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.pb.h"
#include "mitra/v1/relations_service.pb.h"
#include "services/gateway/testing/gateway_harness.h"
#include "tests/support/token_issuer.h"

namespace mitra::gateway {
namespace {

using mitra::testing::TokenIssuer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class DelegationTest : public ::testing::Test {
 protected:
  DelegationTest() {
    gateway_.Answer("/mitra.v1.Relations/ListConsents",
                    [this](rpc::CallContext& call, const rpc::RawMessage& raw,
                           rpc::RawMessage& out) -> rpc::Task<absl::Status> {
                      asked_by_ = call.identity;
                      v1::ListConsentsRequest request;
                      const absl::Status parsed = raw.ParseTo(request);
                      if (!parsed.ok()) co_return parsed;
                      v1::ListConsentsResponse response;
                      auto* consent = response.add_consents();
                      consent->set_profile_id(request.profile_id());
                      consent->set_purpose(v1::CONSENT_PURPOSE_DELEGATION);
                      consent->set_granted(consents_);
                      out = rpc::RawMessage::Of(response);
                      co_return away_;
                    });
    gateway_.Answer("/mitra.v1.Profiles/UpsertProfile",
                    [this](rpc::CallContext& call, const rpc::RawMessage& raw,
                           rpc::RawMessage&) -> rpc::Task<absl::Status> {
                      seen_ = call.identity;
                      co_return raw.ParseTo(upserted_);
                    });
  }

  HttpAnswer Put(const std::string& credential, const std::string& id) {
    return gateway_.Http("PUT", "/v1/profiles/" + id, Auth(credential),
                         R"({"displayName":"Warung RAHASIA"})");
  }
  static std::string Auth(const std::string& credential) {
    return "Authorization: Bearer " + credential + "\r\n";
  }

  GatewayHarness gateway_;
  bool consents_ = true;
  absl::Status away_;
  rpc::Identity asked_by_, seen_;
  v1::UpsertProfileRequest upserted_;
};

TEST_F(DelegationTest, ADelegateActsForAMemberThatConsents) {
  const std::string key =
      gateway_.NewDelegateKey({"profiles:write"}, "sari", "budi");
  const HttpAnswer answer = Put(key, "sari");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(seen_.member_id, "sari");
  EXPECT_EQ(seen_.delegate_id, "budi");
  EXPECT_EQ(upserted_.actor_id(), "sari") << "the rights are the member's";
  EXPECT_EQ(asked_by_.credential, "") << "the gateway asks for itself";
  consents_ = false;
  const HttpAnswer refused = Put(key, "sari");
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("DELEGATION_NOT_CONSENTED"));
}

TEST_F(DelegationTest, WhenConsentCannotBeKnownNothingIsDone) {
  const std::string key = gateway_.NewDelegateKey({"*"}, "sari", "budi");
  away_ = absl::UnavailableError("away");
  EXPECT_EQ(Put(key, "sari").status, 503);
  EXPECT_EQ(seen_.member_id, "");
}

TEST_F(DelegationTest, TokensNameTheDelegateToo) {
  nlohmann::json claims = TokenIssuer::Claims("sari");
  claims["act"] = {{"sub", "budi"}};
  EXPECT_EQ(Put(gateway_.issuer().Sign(claims), "sari").status, 200);
  EXPECT_EQ(seen_.delegate_id, "budi");
  EXPECT_EQ(seen_.credential, "jwt:somebody");
  consents_ = false;
  EXPECT_EQ(Put(gateway_.issuer().Sign(claims), "sari").status, 403);
  claims.erase("act");
  EXPECT_EQ(Put(gateway_.issuer().Sign(claims), "sari").status, 200);
}

TEST_F(DelegationTest, TheAuditLogNamesBothAndHoldsNoContent) {
  const std::string key = gateway_.NewDelegateKey({"*"}, "sari", "budi");
  (void)Put(key, "sari");
  (void)gateway_.Http("POST", "/v1/profiles/wati/consents", Auth(key),
                      R"({"receiptId":"RAHASIA"})");
  (void)gateway_.Http("GET", "/v1/profiles/sari", Auth(key));
  const std::string log = gateway_.audit();
  const std::vector<std::string> lines =
      absl::StrSplit(log, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u) << "reads do not belong there\n" << log;
  const auto first = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(first["method"], "/mitra.v1.Profiles/UpsertProfile");
  EXPECT_EQ(first["member"], "sari");
  EXPECT_EQ(first["delegate"], "budi");
  EXPECT_EQ(first["resource"], "sari");
  EXPECT_EQ(first["code"], "OK");
  EXPECT_FALSE(first["request_id"].get<std::string>().empty());
  const auto second = nlohmann::json::parse(lines[1]);
  EXPECT_EQ(second["code"], "PERMISSION_DENIED");
  EXPECT_EQ(second["resource"], "wati");
  EXPECT_THAT(log, AllOf(Not(HasSubstr("RAHASIA")), Not(HasSubstr(key))));
}

TEST_F(DelegationTest, GrpcWritesAreAuditedWithTheirResource) {
  const std::string key = gateway_.NewKey({"*"});
  v1::UpsertProfileRequest request;
  request.mutable_profile()->set_profile_id("toko-7");
  MITRA_EXPECT_OK(gateway_.Grpc("/mitra.v1.Profiles/UpsertProfile",
                                {{"x-api-key", key}}, absl::Seconds(20),
                                request.SerializeAsString()));
  EXPECT_THAT(gateway_.audit(), AllOf(HasSubstr("\"transport\":\"grpc\""),
                                      HasSubstr("\"resource\":\"toko-7\""),
                                      HasSubstr("\"credential\":\"key:")));
}

TEST_F(DelegationTest, StrangersAreNotNoted) {
  (void)Put("mk_AAAAAAAA_" + std::string(43, 'A'), "sari");
  EXPECT_EQ(gateway_.audit(), "") << "they could fill the disk";
}

TEST_F(DelegationTest, AServiceMayAskForAReadToBeNoted) {
  gateway_.Answer("/mitra.v1.Profiles/GetProfile",
                  [](rpc::CallContext& call, const rpc::RawMessage&,
                     rpc::RawMessage&) -> rpc::Task<absl::Status> {
                    call.SetTrailer(kAuditKey, "full");
                    co_return absl::OkStatus();
                  });
  (void)gateway_.Http("GET", "/v1/profiles/sari", Auth(gateway_.NewKey({"*"})));
  EXPECT_THAT(gateway_.audit(), HasSubstr("GetProfile"));
}

}  // namespace
}  // namespace mitra::gateway
