#include "services/gateway/edge/token_source.h"

#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"
#include "tests/support/token_issuer.h"

namespace mitra::gateway {
namespace {

using mitra::testing::TokenIssuer;

class TokenSourceTest : public ::testing::Test {
 protected:
  TokenSourceTest() { testing::WriteFileOrDie(path_, issuer_.Jwks()); }
  std::unique_ptr<TokenSource> Open(bool platforms = false) {
    TokenSource::Options options;
    options.rules.issuer = "https://issuer.example";
    options.rules.audience = "mitra";
    options.platforms = platforms;
    auto source = TokenSource::Open(path_, options, absl::Hours(1));
    EXPECT_TRUE(source.ok()) << source.status();
    return *std::move(source);
  }

  const testing::TempDir dir_;
  const std::string path_ = dir_.File("jwks.json");
  const TokenIssuer issuer_{"EdDSA", "one"};
};

TEST_F(TokenSourceTest, NamesTheMemberAndTheSubject) {
  const auto source = Open();
  nlohmann::json claims = TokenIssuer::Claims("sari");
  const auto caller = source->Find(issuer_.Sign(claims));
  ASSERT_TRUE(caller.has_value());
  EXPECT_EQ(caller->identity.member_id, "sari");
  EXPECT_EQ(caller->identity.credential, "jwt:somebody");
  std::string odd_name(200, 'x');
  odd_name.append("; \n");
  claims["sub"] = odd_name;
  const auto odd = source->Find(issuer_.Sign(claims));
  ASSERT_TRUE(odd.has_value());
  EXPECT_EQ(odd->identity.credential.size(), 5 + 32u) << "hashed";
}

TEST_F(TokenSourceTest, WithoutAMemberItIsAPlatformsIfThatIsAllowed) {
  const std::string token = issuer_.Sign(TokenIssuer::Claims(""));
  EXPECT_FALSE(Open()->Find(token).has_value());
  const auto caller = Open(/*platforms=*/true)->Find(token);
  ASSERT_TRUE(caller.has_value());
  EXPECT_FALSE(caller->identity.is_member());
}

TEST_F(TokenSourceTest, ATokenThatIsKnownExpiresAllTheSame) {
  const auto source = Open();
  const absl::Time now = absl::Now();
  const std::string token = issuer_.Sign(TokenIssuer::Claims("sari", now));
  EXPECT_TRUE(source->FindAt(token, now).has_value());
  EXPECT_TRUE(source->FindAt(token, now + absl::Minutes(59)).has_value());
  EXPECT_FALSE(source->FindAt(token, now + absl::Minutes(62)).has_value());
}

TEST_F(TokenSourceTest, KeysThatAreTakenAwayCountNoMore) {
  const auto source = Open();
  const std::string token = issuer_.Sign(TokenIssuer::Claims("sari"));
  EXPECT_TRUE(source->Find(token).has_value());
  const TokenIssuer next("ES256", "two");
  testing::WriteFileOrDie(path_, next.Jwks());
  source->Poll();
  EXPECT_FALSE(source->Find(token).has_value());
  const std::string fresh = next.Sign(TokenIssuer::Claims("sari"));
  EXPECT_TRUE(source->Find(fresh).has_value());
  testing::WriteFileOrDie(path_, "{ broken");
  source->Poll();
  EXPECT_TRUE(source->Find(fresh).has_value()) << "the last good file";
}

TEST_F(TokenSourceTest, IssuerAndAudienceMustBeSaid) {
  TokenSource::Options options;
  EXPECT_THAT(TokenSource::Open(path_, options).status(),
              NamesField("auth.jwt_issuer"));
  options.rules.issuer = "x";
  EXPECT_THAT(TokenSource::Open(path_, options).status(),
              NamesField("auth.jwt_audience"));
}

}  // namespace
}  // namespace mitra::gateway
