// Every method, with every kind of credential, over both transports. The
// methods come from the descriptors, so a new one is in the matrix by itself.

#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/status/errors.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.pb.h"
#include "services/gateway/testing/gateway_harness.h"
#include "tests/support/token_issuer.h"

namespace mitra::gateway {
namespace {

using mitra::testing::TokenIssuer;
using ::testing::AnyOf;
using ::testing::HasSubstr;

struct Shown {
  std::string name;
  std::string key;
  // Tokens come as bearers only.
  bool token = false;
  // The reason of the refusal; empty if the call is let in.
  std::string reason;
};

int StatusFor(const std::string& reason) {
  if (reason == "CREDENTIAL_MISSING" || reason == "CREDENTIAL_INVALID") {
    return 401;
  }
  return 403;
}

// A target that reaches the binding, whatever the variables mean.
std::string TargetOf(const HttpBinding& binding) {
  std::string target = binding.path;
  for (size_t open = target.find('{'); open != std::string::npos;
       open = target.find('{')) {
    target.replace(open, target.find('}') - open + 1, "1");
  }
  return target;
}

// A request in which the member that the method looks at is "1".
std::string RequestOf(const Method& method) {
  if (method.member_path.empty()) return "";
  const std::unique_ptr<google::protobuf::Message> request(
      google::protobuf::MessageFactory::generated_factory()
          ->GetPrototype(method.descriptor->input_type())
          ->New());
  google::protobuf::Message* owner = request.get();
  for (size_t i = 0; i + 1 < method.member_path.size(); ++i) {
    owner =
        owner->GetReflection()->MutableMessage(owner, method.member_path[i]);
  }
  owner->GetReflection()->SetString(owner, method.member_path.back(), "1");
  return request->SerializeAsString();
}

TEST(AccessMatrixTest, EveryMethodAsksForItsScope) {
  GatewayHarness gateway;
  const std::string revoked = gateway.NewKey({"*"});
  gateway.Revoke(revoked);
  const std::string expired =
      gateway.NewKey({"*"}, "", absl::FromUnixSeconds(1));
  const std::string narrow = gateway.NewKey({"nothing:read"});
  const std::string right = gateway.NewKey({"*"});
  const std::string member = gateway.NewKey({"*"}, "somebody-else");
  const TokenIssuer& issuer = gateway.issuer();
  const auto token = [&](const std::string& subject, const std::string& scope) {
    nlohmann::json claims = TokenIssuer::Claims(subject);
    claims["scope"] = scope;
    return issuer.Sign(claims);
  };
  nlohmann::json old = TokenIssuer::Claims("1");
  old["exp"] = 1'000'000'000;
  old.erase("iat");
  const std::string expired_token = issuer.Sign(old);
  const TokenIssuer thief("ES256", "test");
  const std::string forged = thief.Sign(TokenIssuer::Claims("1"));
  const std::string own = token("1", "*");
  const std::string others = token("somebody-else", "*");
  const std::string narrow_token = token("1", "openid nothing:read");
  const std::string no_member = token("", "*");
  int cells = 0;
  for (const auto& method : gateway.methods().methods()) {
    const std::string exact = gateway.NewKey({method->policy.scope()});
    const bool open = method->open_to_members();
    const std::string type = method->descriptor->client_streaming()
                                 ? "Content-Type: application/x-ndjson\r\n"
                                 : "";
    const std::string mismatch =
        open ? "MEMBER_MISMATCH" : "METHOD_CLOSED_TO_MEMBERS";
    const Shown shown[] = {
        {"none", "", false, "CREDENTIAL_MISSING"},
        {"unknown", "mk_AAAAAAAA_" + std::string(43, 'A'), false,
         "CREDENTIAL_INVALID"},
        {"expired", expired, false, "CREDENTIAL_INVALID"},
        {"revoked", revoked, false, "CREDENTIAL_INVALID"},
        {"narrow", narrow, false, "SCOPE_MISSING"},
        {"another member's", member, false, mismatch},
        {"exact", exact, false, ""},
        {"all scopes", right, false, ""},
        {"expired token", expired_token, true, "CREDENTIAL_INVALID"},
        {"forged token", forged, true, "CREDENTIAL_INVALID"},
        {"token of nobody", no_member, true, "CREDENTIAL_INVALID"},
        {"narrow token", narrow_token, true, "SCOPE_MISSING"},
        {"another member's token", others, true, mismatch},
        {"the member's token", own, true,
         open ? "" : "METHOD_CLOSED_TO_MEMBERS"},
    };
    for (const Shown& credential : shown) {
      SCOPED_TRACE(absl::StrCat(method->name, " with ", credential.name));
      ++cells;
      std::map<std::string, std::string> metadata;
      if (!credential.key.empty()) {
        metadata["authorization"] = "Bearer " + credential.key;
      }
      const absl::Status status = gateway.Grpc(
          method->name, metadata, absl::Seconds(20), RequestOf(*method));
      EXPECT_EQ(ReasonOf(status), credential.reason) << status;
      EXPECT_EQ(status.ok(), credential.reason.empty()) << status;
      for (const HttpBinding& binding : method->bindings) {
        ++cells;
        const std::string header =
            credential.key.empty() ? ""
            : credential.token
                ? "Authorization: Bearer " + credential.key + "\r\n"
                : "X-Api-Key: " + credential.key + "\r\n";
        const HttpAnswer answer =
            gateway.Http(binding.verb, TargetOf(binding), header + type,
                         binding.body.empty() ? "" : "{}");
        if (credential.reason.empty()) {
          // 400: a variable is of a kind for which 1 is no value.
          // 403: the member stands in the body, which is empty here.
          EXPECT_THAT(answer.status, credential.token ? AnyOf(200, 400, 403)
                                                      : AnyOf(200, 400, 400))
              << TargetOf(binding) << answer.body;
        } else if (credential.reason == "MEMBER_MISMATCH") {
          // 200: no variable of the path names a member.
          EXPECT_THAT(answer.status, AnyOf(200, 400, 403)) << answer.body;
        } else if (answer.status != 400) {
          EXPECT_EQ(answer.status, StatusFor(credential.reason)) << answer.body;
          EXPECT_THAT(answer.body, HasSubstr(credential.reason));
        }
        if (credential.key.empty()) {
          EXPECT_EQ(answer.status, 401) << "nothing is told to strangers";
        }
      }
    }
  }
  EXPECT_GE(cells, 500);
  RecordProperty("cells", cells);
  std::cout << "cells: " << cells << " of "
            << gateway.methods().methods().size() << " methods\n";
}

TEST(AccessMatrixTest, MembersReachTheirOwnAndNothingElse) {
  GatewayHarness gateway;
  const std::string key = gateway.NewKey({"*"}, "sari");
  const std::string header = "Authorization: Bearer " + key + "\r\n";
  EXPECT_EQ(gateway.Http("GET", "/v1/profiles/sari:trust", header).status, 200);
  const HttpAnswer other =
      gateway.Http("GET", "/v1/profiles/budi:trust", header);
  EXPECT_EQ(other.status, 403);
  EXPECT_THAT(other.body, HasSubstr("MEMBER_MISMATCH"));
  std::string actor;
  gateway.Answer("/mitra.v1.Profiles/GetProfile",
                 [&](rpc::CallContext&, const rpc::RawMessage& request,
                     rpc::RawMessage&) -> rpc::Task<absl::Status> {
                   v1::GetProfileRequest get;
                   const absl::Status parsed = request.ParseTo(get);
                   actor = get.actor_id();
                   co_return parsed;
                 });
  EXPECT_EQ(gateway.Http("GET", "/v1/profiles/budi", header).status, 200);
  EXPECT_EQ(actor, "sari") << "the edge says for whom";
  EXPECT_EQ(
      gateway.Http("GET", "/v1/profiles/budi?actorId=budi", header).status,
      403);
  EXPECT_EQ(gateway.Http("GET", "/v1/profiles", header).status, 403);
}

TEST(AccessMatrixTest, IdentityThatAClientClaimsIsNotBelieved) {
  GatewayHarness gateway;
  EXPECT_THAT(gateway.Grpc("/mitra.v1.Profiles/GetProfile",
                           {{"mitra-identity", "root;;*"}}),
              HasReason("CREDENTIAL_MISSING"));
  rpc::Identity seen;
  gateway.Answer("/mitra.v1.Profiles/GetProfile",
                 [&](rpc::CallContext& call, const rpc::RawMessage&,
                     rpc::RawMessage&) -> rpc::Task<absl::Status> {
                   seen = call.identity;
                   co_return absl::OkStatus();
                 });
  const std::string key = gateway.NewKey({"profiles:read"});
  MITRA_ASSERT_OK(
      gateway.Grpc("/mitra.v1.Profiles/GetProfile",
                   {{"mitra-identity", "root;;*"}, {"x-api-key", key}}));
  EXPECT_EQ(seen.credential, "key:" + key.substr(3, 8));
  EXPECT_FALSE(seen.HasScope("profiles:write"));
}

}  // namespace
}  // namespace mitra::gateway
