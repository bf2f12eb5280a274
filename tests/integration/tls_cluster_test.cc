// A cluster of real processes whose every link is TLS, both ways between the
// services: from the first call on, through new certificates and signing keys,
// with clients of other makes.

#include <string>

#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"
#include "common/rpc/task.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/operations_service.pb.h"
#include "mitra/v1/profiles_service.pb.h"
#include "tests/support/certificates.h"
#include "tests/support/cluster.h"
#include "tests/support/eventually.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/token_issuer.h"

namespace mitra {
namespace {

using testing::CertificateAuthority;
using testing::Eventually;

class TlsClusterTest : public ::testing::Test {
 protected:
  // One cluster for all; each test leaves it as good as it was.
  static void SetUpTestSuite() {
    self_ = new Shared;
    Shared& s = *self_;
    testing::WriteFileOrDie(s.dir.File("ca.pem"), s.ca.cert());
    for (const char* name : {"links", "public"}) {
      s.ca.Issue().WriteTo(s.dir.File(absl::StrCat(name, ".pem")),
                           s.dir.File(absl::StrCat(name, ".key")));
    }
    testing::WriteFileOrDie(s.dir.File("jwks.json"), s.issuer.Jwks());
    testing::Cluster::Certificates certificates;
    certificates.links = {.cert_file = s.dir.File("links.pem"),
                          .key_file = s.dir.File("links.key"),
                          .ca_file = s.dir.File("ca.pem"),
                          .peers = {}};
    certificates.client.ca_file = s.dir.File("ca.pem");
    auto started = testing::Cluster::StartWithTls(
        certificates,
        {{"gateway",
          {absl::StrCat("--tls.cert_file=", s.dir.File("public.pem")),
           absl::StrCat("--tls.key_file=", s.dir.File("public.key")),
           absl::StrCat("--auth.jwks_file=", s.dir.File("jwks.json")),
           "--auth.jwt_issuer=https://issuer.example",
           "--auth.jwt_audience=mitra", "--auth.jwt_platforms=true"}}});
    ASSERT_TRUE(started.ok()) << started.status();
    s.cluster = *std::move(started);
  }
  static void TearDownTestSuite() { delete self_; }

  static testing::Cluster& cluster() { return *self_->cluster; }
  static std::string File(const std::string& name) {
    return self_->dir.File(name);
  }

  // "200", or what curl says of the connection.
  static std::string Curl(const std::string& path,
                          const std::string& credential,
                          const std::string& ca = File("ca.pem")) {
    const auto done = testing::RunCommand(
        {"curl", "-sS", "--cacert", ca, "-o", "/dev/null", "-w", "%{http_code}",
         "-H", absl::StrCat("Authorization: Bearer ", credential),
         absl::StrCat("https://", cluster().http_address(), path)});
    EXPECT_TRUE(done.ok()) << done.status();
    return done.ok() ? done->output : "";
  }

  static absl::Status AskProfile(const TlsFiles& tls) {
    const auto channel =
        rpc::Channel::Create(cluster().target("profile"), {.tls = tls});
    rpc::CallContext call;
    call.deadline = absl::Now() + absl::Seconds(5);
    return rpc::SyncWait(channel->Call<v1::ServiceStatus>(
                             call,
                             "/mitra.v1.ProfileOperations/GetProfileStatus",
                             v1::GetStatusRequest()))
        .status();
  }

  struct Shared {
    testing::TempDir dir;
    CertificateAuthority ca;
    testing::TokenIssuer issuer{"ES256", "first"};
    std::unique_ptr<testing::Cluster> cluster;
  };
  inline static Shared* self_ = nullptr;
};

TEST_F(TlsClusterTest, TheFirstCallToEachServiceIsAnswered) {
  for (const char* path :
       {"/v1/status/profile", "/v1/status/search", "/v1/status/matching"}) {
    EXPECT_EQ(Curl(path, cluster().key()), "200") << path;
  }
}

TEST_F(TlsClusterTest, WhoShowsNoCertificateReachesNoService) {
  const TlsFiles links = {.cert_file = File("links.pem"),
                          .key_file = File("links.key"),
                          .ca_file = File("ca.pem"),
                          .peers = {}};
  MITRA_EXPECT_OK(AskProfile(links));
  EXPECT_TRUE(absl::IsUnavailable(AskProfile({}))) << "plain";
  TlsFiles nameless = links;
  nameless.cert_file.clear();
  nameless.key_file.clear();
  EXPECT_TRUE(absl::IsUnavailable(AskProfile(nameless)));
  const CertificateAuthority other;
  other.Issue().WriteTo(File("other.pem"), File("other.key"));
  TlsFiles stranger = links;
  stranger.cert_file = File("other.pem");
  stranger.key_file = File("other.key");
  EXPECT_TRUE(absl::IsUnavailable(AskProfile(stranger)));
}

TEST_F(TlsClusterTest, TokensAreTakenUntilTheirKeyIsReplaced) {
  const std::string old_token =
      self_->issuer.Sign(testing::TokenIssuer::Claims(""));
  EXPECT_EQ(Curl("/v1/profiles", old_token), "200");
  EXPECT_EQ(Curl("/v1/profiles", old_token.substr(0, old_token.size() - 4)),
            "401");
  const testing::TokenIssuer next("EdDSA", "second");
  testing::WriteFileOrDie(File("jwks.json"), next.Jwks());
  const std::string new_token = next.Sign(testing::TokenIssuer::Claims(""));
  EXPECT_TRUE(
      Eventually([&] { return Curl("/v1/profiles", new_token) == "200"; }));
  EXPECT_EQ(Curl("/v1/profiles", old_token), "401");
}

TEST_F(TlsClusterTest, TheCommandReachesItByAContext) {
  testing::TempDir home;
  testing::WriteFileOrDie(home.File("key"), cluster().key());
  const std::string mitra = testing::Cluster::Program("mitra");
  const std::map<std::string, std::string> env = {
      {"MITRA_CONFIG", home.File("config.toml")}};
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), mitra);
    const auto done = testing::RunCommand(arguments, absl::Seconds(60), env);
    EXPECT_TRUE(done.ok()) << done.status();
    return done.ok() ? *done : testing::CommandResult{-1, ""};
  };
  EXPECT_EQ(
      run({"context", "set", "safe", "--server", cluster().target("gateway"),
           "--api-key-file", home.File("key"), "--tls-ca", File("ca.pem")})
          .exit_code,
      0);
  const auto status = run({"--context", "safe", "status"});
  EXPECT_EQ(status.exit_code, 0) << status.output;
  EXPECT_NE(run({"--context", "safe", "--tls-ca", "", "status"}).exit_code, 0)
      << "plain";
}

// The last one: it moves the public addresses to another authority.
TEST_F(TlsClusterTest, ZCertificatesAreTakenUpWithoutARestart) {
  // Those of the links, while calls go on.
  self_->ca.Issue().WriteTo(File("links.pem"), File("links.key"));
  const CertificateAuthority next;
  testing::WriteFileOrDie(File("next.pem"), next.cert());
  next.Issue().WriteTo(File("public.pem"), File("public.key"));
  EXPECT_TRUE(Eventually([&] {
    return Curl("/v1/status/matching", cluster().key(), File("next.pem")) ==
           "200";
  }));
  EXPECT_THAT(Curl("/v1/status/matching", cluster().key()),
              ::testing::EndsWith("000"))
      << "the old authority";
}

}  // namespace
}  // namespace mitra
