#include "common/observability/http_post.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status/status_macros.h"

namespace mitra {
namespace {

// Heads of answers; what a collector says in its body is not read.
constexpr size_t kMaxHead = 16 << 10;

absl::Status Away(absl::string_view what) {
  return absl::UnavailableError(what);
}

std::string ReadHead(ByteStream& stream, const TimeLimit& end) {
  std::string head;
  while (!absl::StrContains(head, "\r\n\r\n") && head.size() < kMaxHead) {
    const std::string more = stream.Receive(end);
    if (more.empty()) break;
    head += more;
  }
  return head;
}

}  // namespace

absl::StatusOr<HttpTarget> ParseHttpTarget(absl::string_view url) {
  const absl::Status bad = absl::InvalidArgumentError(
      "must be like http://127.0.0.1:4318 or https://collector.example");
  HttpTarget target;
  target.tls = absl::ConsumePrefix(&url, "https://");
  if (!target.tls && !absl::ConsumePrefix(&url, "http://")) return bad;
  const size_t slash = url.find('/');
  target.path =
      slash == absl::string_view::npos ? "" : std::string(url.substr(slash));
  absl::string_view authority = url.substr(0, slash);
  if (authority.find_first_of(" @\r\n") != absl::string_view::npos ||
      target.path.find_first_of(" \r\n") != std::string::npos) {
    return bad;
  }
  target.port = target.tls ? "443" : "80";
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
    const HttpTarget& target, const ClientTls& tls,
    const std::vector<std::pair<std::string, std::string>>& headers,
    absl::string_view body, const TimeLimit& end) {
  MITRA_ASSIGN_OR_RETURN(
      const auto stream,
      ConnectTo(target.host, target.port, target.tls ? &tls : nullptr, end));
  std::string head = absl::StrCat(
      "POST ", target.path.empty() ? "/" : target.path,
      " HTTP/1.1\r\nHost: ", target.host, ":", target.port,
      "\r\nConnection: close\r\n", "Content-Length: ", body.size(), "\r\n");
  for (const auto& [key, value] : headers) {
    absl::StrAppend(&head, key, ": ", value, "\r\n");
  }
  head += "\r\n";
  if (!stream->Send(head, end) || !stream->Send(body, end)) {
    return Away("cannot send");
  }
  const std::string answer = ReadHead(*stream, end);
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
