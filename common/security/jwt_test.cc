#include "common/security/jwt.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/token_issuer.h"

namespace mitra {
namespace {

using Json = nlohmann::json;
using mitra::testing::TokenIssuer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

JwtRules Rules() {
  JwtRules rules;
  rules.issuer = "https://issuer.example";
  rules.audience = "mitra";
  return rules;
}

class JwtTest : public ::testing::TestWithParam<const char*> {
 protected:
  JwtTest() : issuer_(GetParam(), "one") {
    auto keys = JwkSet::Parse(issuer_.Jwks());
    EXPECT_TRUE(keys.ok()) << keys.status();
    keys_ = *keys;
  }
  absl::StatusOr<JwtClaims> Verify(const std::string& token) const {
    return VerifyJwt(token, *keys_, Rules(), kNow);
  }
  void ExpectRefused(const std::string& token, const char* why) const {
    const auto claims = Verify(token);
    EXPECT_EQ(claims.status().code(), absl::StatusCode::kUnauthenticated);
    EXPECT_THAT(std::string(claims.status().message()), HasSubstr(why));
  }
  // A good token but for one claim.
  void ExpectClaimRefused(const std::string& name, const Json& value,
                          const char* why) const {
    SCOPED_TRACE(absl::StrCat(name, " = ", value.dump()));
    Json claims = TokenIssuer::Claims("sari", kNow);
    if (value.is_discarded()) {
      claims.erase(name);
    } else {
      claims[name] = value;
    }
    ExpectRefused(issuer_.Sign(claims), why);
  }

  TokenIssuer issuer_;
  std::shared_ptr<const JwkSet> keys_;
};

INSTANTIATE_TEST_SUITE_P(Algorithms, JwtTest,
                         ::testing::Values("RS256", "ES256", "EdDSA"));

TEST_P(JwtTest, AGoodTokenSaysWhoItIs) {
  Json claims = TokenIssuer::Claims("sari", kNow);
  claims["scope"] = "openid profiles:read recommendations:read";
  claims["act"] = {{"sub", "budi"}};
  MITRA_ASSERT_OK_AND_ASSIGN(const JwtClaims said,
                             Verify(issuer_.Sign(claims)));
  EXPECT_EQ(said.subject, "somebody");
  EXPECT_EQ(said.member_id, "sari");
  EXPECT_EQ(said.delegate_id, "budi");
  EXPECT_THAT(said.scopes,
              ElementsAre("profiles:read", "recommendations:read"));
  claims["aud"] = {"other", "mitra"};
  claims["scope"] = {"profiles:read"};
  claims["exp"] = absl::ToUnixSeconds(kNow) + .5;
  MITRA_EXPECT_OK(Verify(issuer_.Sign(claims)).status());
}

TEST_P(JwtTest, EachClaimIsDemanded) {
  const int64_t now = absl::ToUnixSeconds(kNow);
  const Json gone(Json::value_t::discarded);
  ExpectClaimRefused("iss", gone, "iss");
  ExpectClaimRefused("iss", "https://issuer.example/", "iss");
  ExpectClaimRefused("iss", Json::array({"https://issuer.example"}), "iss");
  ExpectClaimRefused("aud", gone, "aud");
  ExpectClaimRefused("aud", "Mitra", "aud");
  ExpectClaimRefused("aud", Json::array(), "aud");
  ExpectClaimRefused("aud", {"mitra", 7}, "aud");
  ExpectClaimRefused("sub", gone, "sub");
  ExpectClaimRefused("sub", "", "sub");
  ExpectClaimRefused("sub", std::string(256, 'a'), "sub");
  ExpectClaimRefused("exp", gone, "exp");
  ExpectClaimRefused("exp", std::to_string(now + 60), "exp");
  ExpectClaimRefused("exp", 1e300, "exp");
  ExpectClaimRefused("exp", -1, "exp");
  ExpectClaimRefused("exp", now - 30, "exp has passed");
  ExpectClaimRefused("nbf", now + 31, "nbf");
  ExpectClaimRefused("nbf", "soon", "nbf");
  ExpectClaimRefused("iat", now + 31, "iat");
  ExpectClaimRefused("mitra_member", "", "member");
  ExpectClaimRefused("mitra_member", "../x", "member");
  ExpectClaimRefused("mitra_member", nullptr, "mitra_member");
  ExpectClaimRefused("mitra_member", 7, "mitra_member");
  ExpectClaimRefused("scope", 7, "scopes");
  ExpectClaimRefused("act", "budi", "act");
  ExpectClaimRefused("act", {{"sub", "sari"}}, "delegate");
  ExpectClaimRefused("act", {{"sub", "a/b"}}, "delegate");
  ExpectClaimRefused("act", {{"sub", "budi"}, {"act", {{"sub", "x"}}}}, "act");
}

TEST_P(JwtTest, ClocksMayDifferALittle) {
  Json claims = TokenIssuer::Claims("sari", kNow);
  claims["nbf"] = absl::ToUnixSeconds(kNow) + 30;
  claims["exp"] = absl::ToUnixSeconds(kNow) - 29;
  MITRA_EXPECT_OK(Verify(issuer_.Sign(claims)).status());
}

TEST_P(JwtTest, TheHeaderChoosesNothing) {
  const Json claims = TokenIssuer::Claims("sari", kNow);
  const auto with = [&](const char* name, const Json& value) {
    Json header = issuer_.Header();
    header[name] = value;
    return issuer_.Sign(header, claims);
  };
  for (const char* alg : {"none", "NONE", "HS256", "RS256", "ES256", "EdDSA",
                          "RS512", "PS256", ""}) {
    if (absl::string_view(alg) == GetParam()) continue;
    ExpectRefused(with("alg", alg), "alg");
  }
  ExpectRefused(with("alg", nullptr), "alg");
  ExpectRefused(with("kid", "two"), "kid");
  ExpectRefused(with("kid", "../../etc/passwd"), "kid");
  ExpectRefused(with("kid", "https://evil.example/keys"), "kid");
  ExpectRefused(with("crit", {"exp"}), "crit");
  ExpectRefused(with("typ", "JOSE"), "typ");
  Json header = issuer_.Header();
  header.erase("kid");
  ExpectRefused(issuer_.Sign(header, claims), "kid");
  // A key that the token brings along is not even looked at.
  const TokenIssuer thief(GetParam(), "one");
  header = thief.Header();
  header["jwk"] = thief.PublicKey();
  header["jku"] = "https://evil.example/keys";
  ExpectRefused(thief.Sign(header, claims), "signature");
}

TEST_P(JwtTest, AChangedByteIsSeen) {
  const std::string good = issuer_.Sign(TokenIssuer::Claims("sari", kNow));
  MITRA_ASSERT_OK(Verify(good).status());
  int refused = 0;
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    refused += !Verify(bad).ok();
  }
  EXPECT_EQ(refused, static_cast<int>(good.size()));
  for (size_t size = 0; size < good.size(); size += 7) {
    EXPECT_FALSE(Verify(good.substr(0, size)).ok());
  }
  EXPECT_FALSE(Verify(good + "=").ok());
  EXPECT_FALSE(Verify(good + ".").ok());
  EXPECT_FALSE(Verify(" " + good).ok());
  EXPECT_FALSE(Verify(good + std::string(5000, 'A')).ok());
  const size_t second = good.rfind('.');
  EXPECT_FALSE(Verify(good.substr(0, second + 1)).ok()) << "no signature";
}

TEST_P(JwtTest, OnlyPlainJsonIsAToken) {
  const std::string header = issuer_.Header().dump();
  const std::string claims = TokenIssuer::Claims("sari", kNow).dump();
  const auto sign = [&](const std::string& body) {
    return issuer_.SignTexts(header, body);
  };
  MITRA_EXPECT_OK(Verify(sign(claims)).status());
  ExpectRefused(sign("[]"), "claims");
  ExpectRefused(sign(""), "claims");
  ExpectRefused(sign(claims + "{}"), "claims");
  ExpectRefused(sign(std::string(1000, '[')), "claims");
  std::string twice = claims;
  twice.insert(1, "\"mitra_member\":\"budi\",");
  ExpectRefused(sign(twice), "claims");
  ExpectRefused(
      issuer_.SignTexts("{\"alg\":\"none\"," + header.substr(1), claims),
      "header");
}

TEST(JwksTest, VectorsOfTheStandardsVerify) {
  // RFC 7515 A.3, RFC 8037 A.4.
  MITRA_ASSERT_OK_AND_ASSIGN(const auto keys, JwkSet::Parse(R"({"keys":[
        {"kid":"ec","kty":"EC","crv":"P-256",
         "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
         "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
        {"kid":"ed","kty":"OKP","crv":"Ed25519",
         "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})"));
  const auto verify = [&](const char* kid, const char* text, const char* sig) {
    std::string bytes;
    return Base64UrlDecode(sig, bytes) && keys->Find(kid)->Verify(text, bytes);
  };
  EXPECT_TRUE(verify(
      "ec",
      "eyJhbGciOiJFUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"
      "NvbS9pc19yb290Ijp0cnVlfQ",
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxf"
      "KTUJqPP3-Kg6NU1Q"));
  EXPECT_TRUE(verify(
      "ed", "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9"
      "g7sVvpAr_MuM0KAg"));
  EXPECT_FALSE(verify(
      "ed", "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmd",
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9"
      "g7sVvpAr_MuM0KAg"));
}

TEST(JwksTest, RefusesWhatIsNoSetOfPublicKeys) {
  const TokenIssuer ec("ES256", "a");
  const auto with = [&](const char* name, const Json& value) {
    Json key = ec.PublicKey();
    key[name] = value;
    return JwkSet::Parse(Json{{"keys", Json::array({key})}}.dump()).status();
  };
  MITRA_EXPECT_OK(with("x5t", "whatever"));
  EXPECT_THAT(with("d", "AAAA"), NamesField("keys[0]")) << "private";
  EXPECT_THAT(with("kid", ""), NamesField("keys[0].kid"));
  EXPECT_THAT(with("kid", 7), NamesField("keys[0].kid"));
  EXPECT_THAT(with("x", "AAAA"), NamesField("keys[0]"));
  EXPECT_THAT(with("y", ec.PublicKey()["x"]), NamesField("keys[0]"))
      << "not on the curve";
  EXPECT_THAT(with("use", "enc"), NamesField("keys")) << "none is left";
  EXPECT_THAT(with("alg", "ES384"), NamesField("keys"));
  EXPECT_THAT(JwkSet::Parse("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  for (const char* text : {"", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[7]}"}) {
    EXPECT_FALSE(JwkSet::Parse(text).ok()) << text;
  }
  const std::string same =
      Json{{"keys", Json::array({ec.PublicKey(), ec.PublicKey()})}}.dump();
  EXPECT_THAT(JwkSet::Parse(same).status(), NamesField("keys[1].kid"));
}

TEST(JwksTest, WeakRsaKeysAreRefused) {
  Json key = TokenIssuer("RS256", "a").PublicKey();
  std::string n;
  ASSERT_TRUE(Base64UrlDecode(key["n"].get<std::string>(), n));
  key["n"] = key["n"].get<std::string>().substr(0, 172);  // 1,032 bits
  EXPECT_FALSE(JwkSet::Parse(Json{{"keys", Json::array({key})}}.dump()).ok());
}

}  // namespace
}  // namespace mitra
