#include "tests/support/http_sink.h"

#include <arpa/inet.h>
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

HttpSink::HttpSink(int status) : status_(status) {
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
  return absl::StrCat("http://127.0.0.1:", port_);
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
  std::string text;
  char buffer[65536];
  while (!Whole(text)) {
    const ssize_t n = read(connection, buffer, sizeof buffer);
    if (n <= 0) break;
    text.append(buffer, static_cast<size_t>(n));
  }
  {
    // Before the answer: who has it may look here at once.
    absl::MutexLock lock(&mutex_);
    received_ += text;
  }
  const std::string answer =
      absl::StrCat("HTTP/1.1 ", status_,
                   " x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  (void)!write(connection, answer.data(), answer.size());
}

}  // namespace mitra::testing
