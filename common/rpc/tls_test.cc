// TLS on real sockets, with certificates made here.

#include <arpa/inet.h>
#include <grpc/grpc_security_constants.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.pb.h"
#include "tests/support/certificates.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace mitra::rpc {
namespace {

using mitra::testing::CertificateAuthority;
using mitra::testing::CertifiedKey;

constexpr char kMethod[] = "/mitra.v1.Profiles/GetProfile";

class TlsTest : public ::testing::Test {
 protected:
  // Files under `name`, with a pair unless told otherwise.
  TlsFiles Files(const std::string& name, const CertificateAuthority& believes,
                 const CertifiedKey* pair) const {
    TlsFiles files;
    files.ca_file = dir_.File(name + "-ca.pem");
    testing::WriteFileOrDie(files.ca_file, believes.cert());
    if (pair != nullptr) {
      files.cert_file = dir_.File(name + "-cert.pem");
      files.key_file = dir_.File(name + "-key.pem");
      pair->WriteTo(files.cert_file, files.key_file);
    }
    return files;
  }
  TlsFiles Files(const std::string& name) const {
    const CertifiedKey pair = ca_.Issue();
    return Files(name, ca_, &pair);
  }

  std::unique_ptr<Server> Serve(const TlsFiles& files) const {
    Server::Options options;
    options.tls = files;
    Server::Builder builder(options);
    builder.Unary<v1::GetProfileRequest, v1::Profile>(
        kMethod,
        [](CallContext&, const v1::GetProfileRequest& request,
           v1::Profile& profile) -> Task<absl::Status> {
          profile.set_profile_id(request.profile_id());
          co_return absl::OkStatus();
        });
    auto server = builder.Start();
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }

  // One call on a connection of its own.
  static absl::Status Call(const Server& server, const TlsFiles& files,
                           bool batched = false) {
    return CallAt(server.addresses()[0], files, batched);
  }
  static absl::Status CallAt(const std::string& address, const TlsFiles& files,
                             bool batched = false) {
    const auto channel =
        Channel::Create(address, {.batched = batched, .tls = files});
    CallContext call;
    call.deadline = absl::Now() + absl::Seconds(10);
    v1::GetProfileRequest request;
    request.set_profile_id("sari");
    const auto profile =
        SyncWait(channel->Call<v1::Profile>(call, kMethod, request));
    if (profile.ok()) {
      EXPECT_EQ(profile->profile_id(), "sari");
    }
    return profile.status();
  }

  const testing::TempDir dir_;
  const CertificateAuthority ca_;
};

TEST_F(TlsTest, BothEndsShowCertificates) {
  const auto server = Serve(Files("server"));
  MITRA_EXPECT_OK(Call(*server, Files("client")));
  MITRA_EXPECT_OK(Call(*server, Files("client"), /*batched=*/true));
}

TEST_F(TlsTest, WhoShowsNoneOrAnothersIsRefused) {
  const auto server = Serve(Files("server"));
  EXPECT_TRUE(absl::IsUnavailable(Call(*server, TlsFiles()))) << "plaintext";
  EXPECT_TRUE(absl::IsUnavailable(Call(*server, Files("none", ca_, nullptr))))
      << "no client certificate";
  const CertificateAuthority other;
  const CertifiedKey foreign = other.Issue();
  EXPECT_TRUE(
      absl::IsUnavailable(Call(*server, Files("foreign", ca_, &foreign))));
  const CertifiedKey old =
      ca_.Issue({.not_after = absl::Now() - absl::Minutes(1)});
  EXPECT_TRUE(absl::IsUnavailable(Call(*server, Files("old", ca_, &old))));
}

TEST_F(TlsTest, AClientBelievesOnlyItsAuthorityAndTheRightName) {
  const auto server = Serve(Files("server"));
  const CertificateAuthority other;
  const CertifiedKey pair = ca_.Issue();
  EXPECT_TRUE(
      absl::IsUnavailable(Call(*server, Files("client", other, &pair))));
  const CertifiedKey elsewhere = ca_.Issue({.names = {"DNS:example.com"}});
  const auto impostor = Serve(Files("elsewhere", ca_, &elsewhere));
  EXPECT_TRUE(absl::IsUnavailable(Call(*impostor, Files("client"))));
  TlsFiles expecting = Files("client");
  expecting.peers = {"example.com"};
  MITRA_EXPECT_OK(Call(*impostor, expecting)) << "the name was said";
}

TEST_F(TlsTest, AServerTakesOnlyTheNamesItWasTold) {
  TlsFiles files = Files("server");
  files.peers = {"gateway.mitra", "spiffe://mitra/matching"};
  const auto server = Serve(files);
  EXPECT_TRUE(absl::IsUnavailable(Call(*server, Files("client"))));
  for (const char* name :
       {"DNS:gateway.mitra", "URI:spiffe://mitra/matching"}) {
    const CertifiedKey pair = ca_.Issue({.names = {name}});
    MITRA_EXPECT_OK(Call(*server, Files("named", ca_, &pair))) << name;
  }
}

// Passes one connection on, the first bytes only after a while.
class SlowRoad {
 public:
  explicit SlowRoad(const std::string& to) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    listen(listener_, 8);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(to.substr(to.rfind(':') + 1), &port));
    address.sin_port = htons(static_cast<uint16_t>(port));
    thread_ = std::thread([this, address] { Run(address); });
  }
  ~SlowRoad() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  const std::string& address() const { return address_; }

 private:
  void Run(const sockaddr_in& to) {
    const int near = accept(listener_, nullptr, nullptr);
    if (near < 0) return;
    (void)poll(nullptr, 0, 300);  // the road is long
    const int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)connect(far, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    pollfd ends[] = {{near, POLLIN, 0}, {far, POLLIN, 0}};
    for (bool open = true; open;) {
      (void)poll(ends, 2, -1);
      for (int i = 0; i < 2; ++i) {
        if (ends[i].revents == 0) continue;
        char bytes[16384];
        const ssize_t n = read(ends[i].fd, bytes, sizeof bytes);
        open = open && n > 0 && write(ends[1 - i].fd, bytes, n) == n;
      }
    }
    close(near);
    close(far);
  }

  int listener_ = -1;
  std::string address_;
  std::thread thread_;
};

TEST_F(TlsTest, TheFirstCallWaitsForAHandshakeThatTakesItsTime) {
  const auto server = Serve(Files("server"));
  const SlowRoad road(server->addresses()[0]);
  MITRA_EXPECT_OK(CallAt(road.address(), Files("client")));
}

TEST_F(TlsTest, WithoutAnAuthorityClientsNeedNoCertificate) {
  TlsFiles files = Files("server");
  files.ca_file.clear();
  const auto server = Serve(files);
  MITRA_EXPECT_OK(Call(*server, Files("client", ca_, nullptr)));
}

TEST_F(TlsTest, CertificatesAreTakenUpWithoutARestart) {
  const TlsFiles files = Files("server");
  const auto server = Serve(files);
  MITRA_ASSERT_OK(Call(*server, Files("client")));
  // All certificates move to another authority.
  const CertificateAuthority next;
  testing::WriteFileOrDie(files.ca_file, next.cert());
  next.Issue().WriteTo(files.cert_file, files.key_file);
  const CertifiedKey pair = next.Issue();
  const TlsFiles client = Files("next", next, &pair);
  EXPECT_TRUE(testing::Eventually([&] { return Call(*server, client).ok(); },
                                  absl::Seconds(20)));
  EXPECT_FALSE(Call(*server, Files("client")).ok()) << "the old ones are out";
}

TEST_F(TlsTest, BadFilesAreAnErrorAtTheStart) {
  TlsFiles files = Files("server");
  testing::WriteFileOrDie(files.key_file, ca_.Issue().key);
  Server::Options options;
  options.tls = files;
  EXPECT_THAT(Server::Builder(options).Start().status(),
              NamesField("tls.key_file"));
}

TEST_F(TlsTest, UnixSocketsStayPlain) {
  Server::Options options;
  options.tls = Files("server");
  options.listen = {"unix:" + dir_.File("s"), "127.0.0.1:0"};
  Server::Builder builder(options);
  auto server = builder.Start();
  ASSERT_TRUE(server.ok());
  EXPECT_TRUE(absl::IsUnimplemented(Call(**server, Files("client"))));
}

}  // namespace
}  // namespace mitra::rpc
