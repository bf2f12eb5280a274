#include "common/observability/http_post.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

namespace mitra {
namespace {

// Heads of answers; what a collector says in its body is not read.
constexpr size_t kMaxHead = 16 << 10;

absl::Status Away(absl::string_view what) {
  return absl::UnavailableError(what);
}

using End = std::function<absl::Time()>;

// Whether the socket is ready for `events` before the end.
bool WaitFor(int fd, short events, const End& end) {  // NOLINT: poll's type
  pollfd wanted = {fd, events, 0};
  for (;;) {
    const int64_t left = absl::ToInt64Milliseconds(end() - absl::Now());
    if (left <= 0) return false;
    const int ready =
        poll(&wanted, 1, static_cast<int>(std::min<int64_t>(left, 100)));
    if (ready != 0) return ready == 1;
  }
}

int Connect(const HttpTarget& target, const End& end) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(target.host.c_str(), target.port.c_str(), &hints, &found) !=
      0) {
    return -1;
  }
  const absl::Cleanup free_found = [found] { freeaddrinfo(found); };
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    const int fd = socket(at->ai_family,
                          at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    int error = 0;
    socklen_t size = sizeof error;
    const bool begun =
        connect(fd, at->ai_addr, at->ai_addrlen) == 0 || errno == EINPROGRESS;
    if (begun && WaitFor(fd, POLLOUT, end) &&
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
        error == 0) {
      return fd;
    }
    close(fd);
  }
  return -1;
}

bool SendAll(int fd, absl::string_view text, const End& end) {
  while (!text.empty()) {
    if (!WaitFor(fd, POLLOUT, end)) return false;
    const ssize_t n = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (n > 0) text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

std::string ReadHead(int fd, const End& end) {
  std::string head;
  char buffer[4096];
  while (!absl::StrContains(head, "\r\n\r\n") && head.size() < kMaxHead) {
    if (!WaitFor(fd, POLLIN, end)) return "";
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) break;
    if (n > 0) head.append(buffer, static_cast<size_t>(n));
  }
  return head;
}

}  // namespace

absl::StatusOr<HttpTarget> ParseHttpTarget(absl::string_view url) {
  const absl::Status bad =
      absl::InvalidArgumentError("must be like http://127.0.0.1:4318");
  if (!absl::ConsumePrefix(&url, "http://")) return bad;
  HttpTarget target;
  const size_t slash = url.find('/');
  target.path =
      slash == absl::string_view::npos ? "" : std::string(url.substr(slash));
  absl::string_view authority = url.substr(0, slash);
  if (authority.find_first_of(" @\r\n") != absl::string_view::npos ||
      target.path.find_first_of(" \r\n") != std::string::npos) {
    return bad;
  }
  target.port = "80";
  const size_t colon = authority.rfind(':');
  if (colon != absl::string_view::npos && !absl::EndsWith(authority, "]")) {
    target.port = std::string(authority.substr(colon + 1));
    authority = authority.substr(0, colon);
  }
  if (absl::StartsWith(authority, "[") && absl::EndsWith(authority, "]")) {
    authority = authority.substr(1, authority.size() - 2);
  }
  target.host = std::string(authority);
  int port = 0;
  if (target.host.empty() || !absl::SimpleAtoi(target.port, &port) ||
      port < 1 || port > 65535) {
    return bad;
  }
  return target;
}

absl::StatusOr<PostAnswer> HttpPost(
    const HttpTarget& target,
    const std::vector<std::pair<std::string, std::string>>& headers,
    absl::string_view body, const std::function<absl::Time()>& end) {
  const int fd = Connect(target, end);
  if (fd < 0) return Away("cannot connect");
  const absl::Cleanup close_fd = [fd] { close(fd); };
  std::string head = absl::StrCat(
      "POST ", target.path.empty() ? "/" : target.path,
      " HTTP/1.1\r\nHost: ", target.host, ":", target.port,
      "\r\nConnection: close\r\n", "Content-Length: ", body.size(), "\r\n");
  for (const auto& [key, value] : headers) {
    absl::StrAppend(&head, key, ": ", value, "\r\n");
  }
  head += "\r\n";
  if (!SendAll(fd, head, end) || !SendAll(fd, body, end)) {
    return Away("cannot send");
  }
  const std::string answer = ReadHead(fd, end);
  PostAnswer result;
  if (!absl::StartsWith(answer, "HTTP/1.") || answer.size() < 12 ||
      !absl::SimpleAtoi(answer.substr(9, 3), &result.status)) {
    return Away("no answer");
  }
  for (absl::string_view line : absl::StrSplit(answer, "\r\n")) {
    int seconds = 0;
    if (absl::StartsWithIgnoreCase(line, "retry-after:") &&
        absl::SimpleAtoi(line.substr(12), &seconds) && seconds > 0) {
      result.retry_after = absl::Seconds(seconds);
    }
  }
  return result;
}

}  // namespace mitra
