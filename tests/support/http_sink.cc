#include "tests/support/http_sink.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace mitra::testing {
namespace {

// Whether `text` holds a whole request.
bool Whole(const std::string& text) {
  const size_t head = text.find("\r\n\r\n");
  if (head == std::string::npos) return false;
  const std::string lower = absl::AsciiStrToLower(text.substr(0, head));
  const size_t at = lower.find("content-length: ");
  size_t length = 0;
  if (at != std::string::npos) {
    const size_t begin = at + 16;
    (void)absl::SimpleAtoi(lower.substr(begin, lower.find('\r', begin) - begin),
                           &length);
  }
  return text.size() >= head + 4 + length;
}

}  // namespace

HttpSink::HttpSink(int status) : status_(status) { Listen(); }

HttpSink::HttpSink(const std::string& cert_file, const std::string& key_file,
                   const std::string& ca_file)
    : status_(200), tls_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
  SSL_CTX_use_certificate_chain_file(tls_.get(), cert_file.c_str());
  SSL_CTX_use_PrivateKey_file(tls_.get(), key_file.c_str(), SSL_FILETYPE_PEM);
  if (!ca_file.empty()) {
    SSL_CTX_load_verify_locations(tls_.get(), ca_file.c_str(), nullptr);
    SSL_CTX_set_verify(
        tls_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  Listen();
}

void HttpSink::Listen() {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
  listen(listener_, 64);
  socklen_t size = sizeof address;
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Run(); });
}

HttpSink::~HttpSink() {
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  close(listener_);
  for (const int connection : silent_) close(connection);
}

std::string HttpSink::url() const {
  return absl::StrCat(tls_ ? "https" : "http", "://127.0.0.1:", port_);
}

std::string HttpSink::received() const {
  absl::MutexLock lock(&mutex_);
  return received_;
}

void HttpSink::Run() {
  for (;;) {
    const int connection = accept(listener_, nullptr, nullptr);
    if (connection < 0) return;
    if (status_ == kSilence) {
      silent_.push_back(connection);
      continue;
    }
    // A client that says nothing must not keep the others waiting.
    const timeval patience = {.tv_sec = 5, .tv_usec = 0};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    Take(connection);
    close(connection);
  }
}

void HttpSink::Take(int connection) {
  if (tls_ != nullptr) return TakeTls(connection);
  Answer([&](char* to, size_t size) { return read(connection, to, size); },
         [&](const std::string& text) {
           (void)!write(connection, text.data(), text.size());
         });
}

void HttpSink::TakeTls(int connection) {
  const std::unique_ptr<SSL, void (*)(SSL*)> session(SSL_new(tls_.get()),
                                                     SSL_free);
  SSL_set_fd(session.get(), connection);
  if (SSL_accept(session.get()) != 1) return;
  Answer(
      [&](char* to, size_t size) {
        return SSL_read(session.get(), to, static_cast<int>(size));
      },
      [&](const std::string& text) {
        SSL_write(session.get(), text.data(), static_cast<int>(text.size()));
        SSL_shutdown(session.get());
      });
}

void HttpSink::Answer(const Read& read, const Write& write) {
  std::string text;
  char buffer[65536];
  while (!Whole(text)) {
    const ssize_t n = read(buffer, sizeof buffer);
    if (n <= 0) return;
    text.append(buffer, static_cast<size_t>(n));
  }
  {
    // Before the answer: who has it may look here at once.
    absl::MutexLock lock(&mutex_);
    received_ += text;
  }
  write(absl::StrCat("HTTP/1.1 ", status_,
                     " x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
}

}  // namespace mitra::testing
