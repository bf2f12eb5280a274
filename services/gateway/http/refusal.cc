#include "services/gateway/http/refusal.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"

namespace mitra::gateway {

const char* ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Payload Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Unknown";
  }
}

absl::Status BadRequest(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason, message);
}

absl::Status CauseOf(absl::string_view line,
                     const HttpServer::Options& options) {
  if (!absl::StrContains(line, "parser error")) return absl::OkStatus();
  if (absl::StrContains(line, "HPE_CB_url")) {
    return BadRequest("URL_TOO_LONG",
                      absl::StrCat("the target is longer than ",
                                   options.max_url_bytes, " bytes"));
  }
  if (absl::StrContains(line, "HPE_CB_header_field") ||
      absl::StrContains(line, "HPE_CB_header_value") ||
      absl::StrContains(line, "HPE_HEADER_OVERFLOW")) {
    return BadRequest("HEADERS_TOO_LARGE",
                      absl::StrCat("more than ", options.max_header_count,
                                   " headers, or one longer than ",
                                   options.max_header_value_bytes, " bytes"));
  }
  if (absl::StrContains(line, "HPE_CB_headers_complete") ||
      absl::StrContains(line, "HPE_CB_body")) {
    return MakeError(absl::StatusCode::kResourceExhausted, "MESSAGE_TOO_LARGE",
                     absl::StrCat("the body is larger than ",
                                  options.max_body_bytes, " bytes"));
  }
  return BadRequest("MALFORMED_REQUEST", "this is not an HTTP/1.1 request");
}

std::string Serialise(const HttpResponse& response) {
  std::string text = absl::StrCat(
      "HTTP/1.1 ", response.status, " ", ReasonPhrase(response.status),
      "\r\nConnection: close\r\nContent-Length: ", response.text().size(),
      "\r\n");
  for (const auto& [key, value] : response.headers) {
    absl::StrAppend(&text, key, ": ", value, "\r\n");
  }
  absl::StrAppend(&text, "\r\n", response.text());
  return text;
}

}  // namespace mitra::gateway
