// HTTP over TLS, with certificates made here and OpenSSL as the client.

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/gateway/http/http_server.h"
#include "services/gateway/http/tls_context.h"
#include "tests/support/certificates.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace mitra::gateway {
namespace {

using mitra::testing::CertificateAuthority;
using mitra::testing::CertifiedKey;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Answers with the length of the request's body and a body of its own.
class Echo final : public HttpHandler {
 public:
  rpc::Task<HttpResponse> Handle(HttpRequest request) override {
    HttpResponse response;
    response.headers = {{"X-Length", absl::StrCat(request.body.size())}};
    response.body = std::string(request.target == "/large" ? 3 << 20 : 5, 'x');
    co_return response;
  }
  HttpResponse Refuse(const absl::Status& error) override {
    HttpResponse response;
    response.status = absl::IsDeadlineExceeded(error) ? 408 : 400;
    response.body = "refused";
    return response;
  }
  void CancelAll() override {}
};

class HttpsTest : public ::testing::Test {
 protected:
  HttpsTest() {
    files_.cert_file = dir_.File("cert.pem");
    files_.key_file = dir_.File("key.pem");
    ca_.Issue().WriteTo(files_.cert_file, files_.key_file);
  }

  void Serve(absl::Duration read_timeout = absl::Seconds(20)) {
    auto tls = TlsContext::Create(files_, "tls", absl::ZeroDuration());
    ASSERT_TRUE(tls.ok()) << tls.status();
    tls_ = *std::move(tls);
    HttpServer::Options options;
    options.tls = tls_.get();
    options.read_timeout = read_timeout;
    auto server = HttpServer::Start(options, echo_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  // What comes back for `request`; empty if there was no handshake. `close`
  // tells whether the server ended the connection as TLS wants it.
  std::string Exchange(const CertificateAuthority& believes,
                       const CertifiedKey* pair, const std::string& request,
                       bool* clean = nullptr, int max_version = 0) const {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (max_version != 0) {
      SSL_CTX_set_security_level(context, 0);
      SSL_CTX_set_min_proto_version(context, 0);
      SSL_CTX_set_max_proto_version(context, max_version);
    }
    testing::WriteFileOrDie(dir_.File("root.pem"), believes.cert());
    SSL_CTX_load_verify_locations(context, dir_.File("root.pem").c_str(),
                                  nullptr);
    if (pair != nullptr) {
      pair->WriteTo(dir_.File("c.pem"), dir_.File("k.pem"));
      SSL_CTX_use_certificate_chain_file(context, dir_.File("c.pem").c_str());
      SSL_CTX_use_PrivateKey_file(context, dir_.File("k.pem").c_str(),
                                  SSL_FILETYPE_PEM);
    }
    BIO* bio = BIO_new_ssl_connect(context);
    BIO_set_conn_hostname(bio, server_->address().c_str());
    SSL* ssl = nullptr;
    BIO_get_ssl(bio, &ssl);
    SSL_set1_host(ssl, "localhost");
    std::string answer;
    if (BIO_do_connect(bio) == 1 && BIO_do_handshake(bio) == 1) {
      BIO_write(bio, request.data(), static_cast<int>(request.size()));
      char buffer[16384];
      int n = 0;
      while ((n = BIO_read(bio, buffer, sizeof buffer)) > 0) {
        answer.append(buffer, static_cast<size_t>(n));
      }
      if (clean != nullptr) {
        *clean = (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
      }
    }
    BIO_free_all(bio);
    SSL_CTX_free(context);
    return answer;
  }
  static std::string Get(const std::string& target) {
    return "GET " + target +
           " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  }

  const testing::TempDir dir_;
  const CertificateAuthority ca_;
  TlsFiles files_;
  Echo echo_;
  std::unique_ptr<TlsContext> tls_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpsTest, RequestsAndAnswersGoThrough) {
  Serve();
  bool clean = false;
  EXPECT_THAT(Exchange(ca_, nullptr, Get("/"), &clean),
              StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(clean) << "the end must be told from a cut";
  const std::string large = Exchange(ca_, nullptr, Get("/large"));
  EXPECT_GT(large.size(), 3u << 20);
  const std::string body(1 << 20, 'b');
  EXPECT_THAT(
      Exchange(ca_, nullptr,
               absl::StrCat("PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                            "Content-Length: ",
                            body.size(), "\r\n\r\n", body)),
      HasSubstr(absl::StrCat("X-Length: ", body.size())));
}

TEST_F(HttpsTest, OldVersionsAndStrangersAreRefused) {
  Serve();
  EXPECT_EQ(Exchange(ca_, nullptr, Get("/"), nullptr, TLS1_1_VERSION), "");
  EXPECT_NE(Exchange(ca_, nullptr, Get("/"), nullptr, TLS1_2_VERSION), "");
  EXPECT_EQ(Exchange(CertificateAuthority(), nullptr, Get("/")), "")
      << "a client that believes another";
}

TEST_F(HttpsTest, BrokenRequestsAreToldWhyInTls) {
  Serve();
  EXPECT_THAT(Exchange(ca_, nullptr, "NO HTTP\r\n\r\n"), HasSubstr("refused"));
}

TEST_F(HttpsTest, ClientsMustShowACertificateIfThereIsAnAuthority) {
  files_.ca_file = dir_.File("ca.pem");
  testing::WriteFileOrDie(files_.ca_file, ca_.cert());
  files_.peers = {"toko.example"};
  Serve();
  EXPECT_EQ(Exchange(ca_, nullptr, Get("/")), "");
  const CertifiedKey foreign =
      CertificateAuthority().Issue({.names = {"DNS:toko.example"}});
  EXPECT_EQ(Exchange(ca_, &foreign, Get("/")), "");
  const CertifiedKey other = ca_.Issue({.names = {"DNS:lain.example"}});
  EXPECT_EQ(Exchange(ca_, &other, Get("/")), "");
  const CertifiedKey good = ca_.Issue({.names = {"DNS:toko.example"}});
  EXPECT_THAT(Exchange(ca_, &good, Get("/")), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpsTest, CertificatesAreTakenUpWithoutARestart) {
  Serve();
  const CertificateAuthority next;
  EXPECT_EQ(Exchange(next, nullptr, Get("/")), "");
  next.Issue().WriteTo(files_.cert_file, files_.key_file);
  EXPECT_NE(Exchange(next, nullptr, Get("/")), "");
  testing::WriteFileOrDie(files_.cert_file, "broken");
  EXPECT_NE(Exchange(next, nullptr, Get("/")), "") << "the last good one stays";
}

TEST_F(HttpsTest, WhoNeverShakesHandsIsCutOff) {
  Serve(absl::Milliseconds(300));
  BIO* bio = BIO_new_connect(server_->address().c_str());
  ASSERT_EQ(BIO_do_connect(bio), 1);
  char byte = 0;
  EXPECT_LE(BIO_read(bio, &byte, 1), 0) << "the server closes, or this hangs";
  BIO_free_all(bio);
  EXPECT_NE(Exchange(ca_, nullptr, Get("/")), "") << "others are served";
}

TEST_F(HttpsTest, PlainHttpIsNoHandshake) {
  Serve();
  BIO* bio = BIO_new_connect(server_->address().c_str());
  ASSERT_EQ(BIO_do_connect(bio), 1);
  const std::string request = Get("/");
  BIO_write(bio, request.data(), static_cast<int>(request.size()));
  std::string answer;
  char buffer[1024];
  int n = 0;
  while ((n = BIO_read(bio, buffer, sizeof buffer)) > 0) {
    answer.append(buffer, static_cast<size_t>(n));
  }
  BIO_free_all(bio);
  EXPECT_THAT(answer, ::testing::Not(HasSubstr("200 OK")));
}

TEST_F(HttpsTest, ABadPairIsAnErrorAtTheStart) {
  testing::WriteFileOrDie(files_.key_file, ca_.Issue().key);
  EXPECT_THAT(TlsContext::Create(files_, "tls").status(),
              NamesField("tls.key_file"));
}

}  // namespace
}  // namespace mitra::gateway
