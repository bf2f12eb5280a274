#include "services/gateway/http/negotiation.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status/errors.h"
#include "services/gateway/http/gzip.h"

namespace mitra::gateway {
namespace {

// Below this a packed body saves no packet.
constexpr size_t kWorthPacking = 1024;

absl::Status Unsupported(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "UNSUPPORTED_MEDIA_TYPE",
                   message);
}

bool IsLabelled(absl::string_view header, absl::string_view type) {
  const std::vector<absl::string_view> parts = absl::StrSplit(header, ';');
  bool good =
      absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(parts[0]), type);
  for (size_t i = 1; good && i < parts.size(); ++i) {
    const absl::string_view parameter = absl::StripAsciiWhitespace(parts[i]);
    good = absl::EqualsIgnoreCase(parameter, "charset=utf-8") ||
           absl::EqualsIgnoreCase(parameter, "charset=\"utf-8\"");
  }
  return good;
}

// Whether one range of Accept ("text/*;q=0.3") means `type`.
bool Means(absl::string_view range, absl::string_view type) {
  if (range == "*/*" || absl::EqualsIgnoreCase(range, type)) return true;
  if (!absl::ConsumeSuffix(&range, "*")) return false;
  return absl::EndsWith(range, "/") && absl::StartsWithIgnoreCase(type, range);
}

// How much the header wants `type`, 0 for not at all: the weight of the most
// specific range that means it.
double WeightOf(absl::string_view accept, absl::string_view type) {
  double weight = 0;
  size_t best = 0;
  for (absl::string_view item : absl::StrSplit(accept, ',')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(item, ';');
    const absl::string_view range = absl::StripAsciiWhitespace(parts[0]);
    if (!Means(range, type) || range.size() < best) continue;
    best = range.size();
    weight = 1;
    for (size_t i = 1; i < parts.size(); ++i) {
      absl::string_view parameter = absl::StripAsciiWhitespace(parts[i]);
      if (absl::ConsumePrefix(&parameter, "q=") &&
          !absl::SimpleAtod(parameter, &weight)) {
        weight = 0;
      }
    }
  }
  return weight;
}

}  // namespace

absl::StatusOr<bool> IsPacked(const HttpRequest& request,
                              absl::string_view type) {
  const absl::string_view encoding =
      absl::StripAsciiWhitespace(request.Header("content-encoding"));
  const bool packed = absl::EqualsIgnoreCase(encoding, "gzip") ||
                      absl::EqualsIgnoreCase(encoding, "x-gzip");
  if (!packed && !encoding.empty() &&
      !absl::EqualsIgnoreCase(encoding, "identity")) {
    return Unsupported("bodies may be packed with gzip, with nothing else");
  }
  if (request.body.empty()) return false;
  if (!IsLabelled(request.Header("content-type"), type)) {
    return Unsupported(absl::StrCat("the content type must be ", type));
  }
  return packed;
}

absl::StatusOr<absl::string_view> ChooseType(
    const HttpRequest& request,
    std::initializer_list<absl::string_view> types) {
  const absl::string_view accept = request.Header("accept");
  if (absl::StripAsciiWhitespace(accept).empty()) return *types.begin();
  for (absl::string_view type : types) {
    if (WeightOf(accept, type) > 0) return type;
  }
  return MakeError(
      absl::StatusCode::kInvalidArgument, "NOT_ACCEPTABLE",
      absl::StrCat("Accept: answers are ", absl::StrJoin(types, " or ")));
}

void PackIfAccepted(const HttpRequest& request, HttpResponse& response) {
  const std::string& text = response.text();
  if (text.size() < kWorthPacking) return;
  response.headers.emplace_back("Vary", "Accept-Encoding");
  if (!AcceptsGzip(request.Header("accept-encoding"))) return;
  std::string packed = Gzip(text);
  if (packed.empty() || packed.size() >= text.size()) return;
  response.body = std::move(packed);
  response.shared = nullptr;
  response.headers.emplace_back("Content-Encoding", "gzip");
}

bool NamesEtag(absl::string_view if_none_match, absl::string_view etag) {
  for (absl::string_view tag : absl::StrSplit(if_none_match, ',')) {
    tag = absl::StripAsciiWhitespace(tag);
    if (tag == "*" || absl::StripPrefix(tag, "W/") == etag) return true;
  }
  return false;
}

std::string Cors::OriginOf(const HttpRequest& request) const {
  const std::string origin(request.Header("origin"));
  if (origin.empty()) return "";
  const bool allowed = std::any_of(origins_.begin(), origins_.end(),
                                   [&](const std::string& known) {
                                     return known == "*" || known == origin;
                                   });
  return allowed ? origin : "";
}

bool Cors::AnswerPreflight(const HttpRequest& request,
                           const std::vector<std::string>& verbs,
                           HttpResponse& response) const {
  if (request.verb != "OPTIONS" || verbs.empty() ||
      request.Count("access-control-request-method") == 0) {
    return false;
  }
  const std::string origin = OriginOf(request);
  if (origin.empty()) return false;
  response.status = 204;
  response.headers = {
      {"Access-Control-Allow-Origin", origin},
      {"Access-Control-Allow-Methods", absl::StrJoin(verbs, ", ")},
      {"Access-Control-Allow-Headers",
       "Authorization, X-Api-Key, Content-Type, Idempotency-Key, If-Match, "
       "If-None-Match, Last-Event-ID, X-Request-Timeout, X-Request-Id, "
       "Traceparent"},
      {"Access-Control-Max-Age", "600"},
      {"Vary", "Origin"}};
  return true;
}

void Cors::Allow(const HttpRequest& request, HttpResponse& response) const {
  if (origins_.empty()) return;
  const std::string origin = OriginOf(request);
  response.headers.emplace_back("Vary", "Origin");
  if (origin.empty()) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", origin);
  response.headers.emplace_back("Access-Control-Expose-Headers",
                                "ETag, Mitra-Revision, Retry-After, "
                                "X-Request-Id");
}

}  // namespace mitra::gateway
