#include "common/observability/byte_stream.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/security/openssl_handles.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra {
namespace {

using Context = std::unique_ptr<SSL_CTX, openssl::Free<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, openssl::Free<SSL_free>>;

absl::Status Away(absl::string_view what) {
  return absl::UnavailableError(what);
}

// Whether the socket is ready for `events` before the end.
bool WaitFor(int fd, short events, const TimeLimit& end) {  // NOLINT: poll's
  pollfd wanted = {fd, events, 0};
  for (;;) {
    const int64_t left = absl::ToInt64Milliseconds(end() - absl::Now());
    if (left <= 0) return false;
    const int ready =
        poll(&wanted, 1, static_cast<int>(std::min<int64_t>(left, 100)));
    if (ready != 0) return ready == 1;
  }
}

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(int fd) : fd_(fd) {}
  ~PlainStream() override { close(fd_); }
  PlainStream(const PlainStream&) = delete;
  PlainStream& operator=(const PlainStream&) = delete;

  bool Send(absl::string_view bytes, const TimeLimit& end) override {
    while (!bytes.empty()) {
      if (!WaitFor(fd_, POLLOUT, end)) return false;
      const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (n > 0) bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  std::string Receive(const TimeLimit& end) override {
    std::array<char, 16 << 10> buffer;
    for (;;) {
      if (!WaitFor(fd_, POLLIN, end)) return "";
      const ssize_t n = recv(fd_, buffer.data(), buffer.size(), 0);
      if (n > 0) return std::string(buffer.data(), static_cast<size_t>(n));
      if (n == 0 || (errno != EAGAIN && errno != EINTR)) return "";
    }
  }

 private:
  const int fd_;
};

std::unique_ptr<ByteStream> ConnectPlain(const std::string& host,
                                         const std::string& port,
                                         const TimeLimit& end) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) {
    return nullptr;
  }
  const absl::Cleanup free_found = [found] { freeaddrinfo(found); };
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    const int fd = socket(at->ai_family,
                          at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    auto stream = std::make_unique<PlainStream>(fd);
    int error = 0;
    socklen_t size = sizeof error;
    const bool begun =
        connect(fd, at->ai_addr, at->ai_addrlen) == 0 || errno == EINPROGRESS;
    if (begun && WaitFor(fd, POLLOUT, end) &&
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
        error == 0) {
      return stream;
    }
  }
  return nullptr;
}

// TLS over another stream. OpenSSL reads and writes memory only: writing to the
// socket by itself it would raise SIGPIPE.
class TlsStream final : public ByteStream {
 public:
  TlsStream(std::unique_ptr<ByteStream> below, Session session)
      : below_(std::move(below)), session_(std::move(session)) {
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(session_.get(), in_, out_);  // which owns them from now on
  }

  bool Handshake(const TimeLimit& end) {
    return Repeat([this] { return SSL_connect(session_.get()); }, end) == 1;
  }
  bool Send(absl::string_view bytes, const TimeLimit& end) override {
    const auto size = static_cast<int>(bytes.size());
    const auto write = [&] {
      return SSL_write(session_.get(), bytes.data(), size);
    };
    return bytes.empty() || Repeat(write, end) == size;
  }
  std::string Receive(const TimeLimit& end) override {
    std::array<char, 16 << 10> buffer;
    const auto read = [&] {
      return SSL_read(session_.get(), buffer.data(), buffer.size());
    };
    const int n = Repeat(read, end);
    return n > 0 ? std::string(buffer.data(), static_cast<size_t>(n)) : "";
  }

 private:
  // Until `step` needs nothing from the other side any more.
  template <typename Step>
  int Repeat(Step step, const TimeLimit& end) {
    for (;;) {
      const int result = step();
      const int error = SSL_get_error(session_.get(), result);
      ERR_clear_error();
      char* bytes = nullptr;
      const long size = BIO_get_mem_data(out_, &bytes);
      const bool sent = below_->Send({bytes, static_cast<size_t>(size)}, end);
      (void)BIO_reset(out_);
      if (!sent) return -1;
      if (result > 0 || error != SSL_ERROR_WANT_READ) return result;
      const std::string more = below_->Receive(end);
      if (more.empty()) return -1;
      BIO_write(in_, more.data(), static_cast<int>(more.size()));
    }
  }

  const std::unique_ptr<ByteStream> below_;
  const Session session_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
};

absl::StatusOr<Context> ContextOf(const ClientTls& tls) {
  Context context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  const absl::Cleanup forget = [] { ERR_clear_error(); };
  if (tls.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(raw);
  } else if (SSL_CTX_load_verify_locations(raw, tls.ca_file.c_str(), nullptr) !=
             1) {
    return absl::InvalidArgumentError(
        absl::StrCat(tls.ca_file, " holds no certificate in PEM"));
  }
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    return absl::InvalidArgumentError(
        "a client's certificate and its key belong together");
  }
  if (tls.cert_file.empty()) return context;
  if (SSL_CTX_use_certificate_chain_file(raw, tls.cert_file.c_str()) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(tls.cert_file, " holds no certificate in PEM"));
  }
  if (SSL_CTX_use_PrivateKey_file(raw, tls.key_file.c_str(),
                                  SSL_FILETYPE_PEM) != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        tls.key_file, " does not hold the key of ", tls.cert_file));
  }
  return context;
}

// So that the other end must prove to be `host`.
void ExpectHost(const std::string& host, SSL* session) {
  in6_addr address;
  if (inet_pton(AF_INET, host.c_str(), &address) == 1 ||
      inet_pton(AF_INET6, host.c_str(), &address) == 1) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str());
    return;
  }
  SSL_set1_host(session, host.c_str());
  SSL_set_tlsext_host_name(session, host.c_str());
}

}  // namespace

absl::Status CheckClientTls(const ClientTls& tls) {
  return ContextOf(tls).status();
}

absl::StatusOr<std::unique_ptr<ByteStream>> ConnectTo(const std::string& host,
                                                      const std::string& port,
                                                      const ClientTls* tls,
                                                      const TimeLimit& end) {
  std::unique_ptr<ByteStream> plain = ConnectPlain(host, port, end);
  if (plain == nullptr) return Away("cannot connect");
  if (tls == nullptr) return plain;
  MITRA_ASSIGN_OR_RETURN(const Context context, ContextOf(*tls));
  Session session(SSL_new(context.get()));
  ExpectHost(host, session.get());
  auto stream =
      std::make_unique<TlsStream>(std::move(plain), std::move(session));
  if (!stream->Handshake(end)) return Away("no TLS that can be trusted");
  return stream;
}

}  // namespace mitra
