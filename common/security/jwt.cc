#include "common/security/jwt.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/ids.h"
#include "common/security/api_key.h"
#include "common/status/status_macros.h"

namespace mitra {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxToken = 4096;
constexpr size_t kMaxSubject = 255;
// The year 9999; what is later is no time.
constexpr double kMaxSeconds = 253402300799.0;

absl::Status Bad(absl::string_view what) {
  return absl::UnauthenticatedError(absl::StrCat("token: ", what));
}

// A JSON object whose names are all different, at every depth: who reads the
// first of two and who reads the last would see different tokens.
absl::StatusOr<Json> ParseObject(absl::string_view part,
                                 absl::string_view name) {
  std::string text;
  if (!Base64UrlDecode(part, text)) {
    return Bad(absl::StrCat(name, " is not base64url"));
  }
  std::vector<std::set<std::string>> names;
  bool repeated = false;
  const auto watch = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key) {
      repeated |= !names.back().insert(value.get<std::string>()).second;
    }
    return true;
  };
  Json json = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (!json.is_object() || repeated) {
    return Bad(absl::StrCat(name, " is not a plain JSON object"));
  }
  return json;
}

absl::StatusOr<std::string> Text(const Json& object, const std::string& name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_string()) {
    return Bad(absl::StrCat(name, " is missing or no text"));
  }
  return it->get<std::string>();
}

// A NumericDate; nothing if it is absent.
absl::StatusOr<std::optional<absl::Time>> Time(const Json& object,
                                               const char* name) {
  const auto it = object.find(name);
  if (it == object.end()) return std::optional<absl::Time>();
  const double seconds = it->is_number() ? it->get<double>() : -1;
  if (!(seconds >= 0 && seconds <= kMaxSeconds)) {
    return Bad(absl::StrCat(name, " is no time"));
  }
  return std::optional<absl::Time>(absl::UnixEpoch() + absl::Seconds(seconds));
}

absl::StatusOr<const Jwk*> KeyOf(const Json& header, const JwkSet& keys) {
  if (header.contains("crit")) return Bad("crit is not understood");
  if (header.contains("typ")) {
    MITRA_ASSIGN_OR_RETURN(const std::string type, Text(header, "typ"));
    if (!absl::EqualsIgnoreCase(type, "JWT") &&
        !absl::EqualsIgnoreCase(type, "at+jwt")) {
      return Bad("typ is of another kind");
    }
  }
  MITRA_ASSIGN_OR_RETURN(const std::string kid, Text(header, "kid"));
  MITRA_ASSIGN_OR_RETURN(const std::string alg, Text(header, "alg"));
  const Jwk* key = keys.Find(kid);
  if (key == nullptr) return Bad("kid is unknown");
  if (alg != NameOf(key->algorithm())) return Bad("alg is not that of the key");
  return key;
}

bool Holds(const Json& audience, const std::string& wanted) {
  if (audience.is_string()) return audience.get<std::string>() == wanted;
  if (!audience.is_array()) return false;
  bool found = false;
  for (const Json& one : audience) {
    if (!one.is_string()) return false;
    found |= one.get<std::string>() == wanted;
  }
  return found;
}

absl::Status CheckTimes(const Json& claims, absl::Duration leeway,
                        absl::Time now, absl::Time& expires) {
  MITRA_ASSIGN_OR_RETURN(const auto exp, Time(claims, "exp"));
  MITRA_ASSIGN_OR_RETURN(const auto nbf, Time(claims, "nbf"));
  MITRA_ASSIGN_OR_RETURN(const auto iat, Time(claims, "iat"));
  if (!exp) return Bad("exp is missing");
  if (now >= *exp + leeway) return Bad("exp has passed");
  if (nbf && now < *nbf - leeway) return Bad("nbf has not come");
  if (iat && now < *iat - leeway) return Bad("iat has not come");
  expires = *exp + leeway;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Scopes(const Json& claims,
                                                const std::string& name) {
  std::vector<std::string> scopes;
  const auto it = claims.find(name);
  if (it == claims.end()) return scopes;
  std::vector<std::string> given;
  if (it->is_string()) {
    given = absl::StrSplit(it->get<std::string>(), ' ', absl::SkipEmpty());
  } else if (it->is_array()) {
    for (const Json& one : *it) {
      if (!one.is_string()) return Bad("a scope is no text");
      given.push_back(one.get<std::string>());
    }
  } else {
    return Bad("the scopes are neither text nor an array");
  }
  for (std::string& scope : given) {
    if (IsScope(scope)) scopes.push_back(std::move(scope));
  }
  return scopes;
}

absl::Status ReadMember(const Json& claims, const JwtRules& rules,
                        JwtClaims& result) {
  if (claims.contains(rules.member_claim)) {
    MITRA_ASSIGN_OR_RETURN(result.member_id, Text(claims, rules.member_claim));
    if (!ValidateId("member", *result.member_id).ok()) {
      return Bad("the member is no id");
    }
  }
  const auto act = claims.find("act");
  if (act == claims.end()) return absl::OkStatus();
  if (!result.member_id) return Bad("act without a member");
  if (!act->is_object() || act->contains("act")) return Bad("act is not plain");
  MITRA_ASSIGN_OR_RETURN(result.delegate_id, Text(*act, "sub"));
  if (!ValidateId("delegate", result.delegate_id).ok() ||
      result.delegate_id == *result.member_id) {
    return Bad("the delegate is no other member");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<JwtClaims> VerifyJwt(absl::string_view token, const JwkSet& keys,
                                    const JwtRules& rules, absl::Time now) {
  if (token.size() > kMaxToken) return Bad("is too long");
  const std::vector<absl::string_view> parts = absl::StrSplit(token, '.');
  if (parts.size() != 3) return Bad("does not have three parts");
  MITRA_ASSIGN_OR_RETURN(const Json header, ParseObject(parts[0], "header"));
  MITRA_ASSIGN_OR_RETURN(const Jwk* key, KeyOf(header, keys));
  std::string signature;
  if (!Base64UrlDecode(parts[2], signature)) {
    return Bad("signature is not base64url");
  }
  const absl::string_view signed_text =
      token.substr(0, parts[0].size() + 1 + parts[1].size());
  if (!key->Verify(signed_text, signature)) {
    return Bad("the signature does not fit");
  }
  MITRA_ASSIGN_OR_RETURN(const Json claims, ParseObject(parts[1], "claims"));
  JwtClaims result;
  MITRA_ASSIGN_OR_RETURN(const std::string issuer, Text(claims, "iss"));
  if (issuer != rules.issuer) return Bad("iss is another");
  const auto audience = claims.find("aud");
  if (audience == claims.end() || !Holds(*audience, rules.audience)) {
    return Bad("aud is another");
  }
  MITRA_RETURN_IF_ERROR(
      CheckTimes(claims, rules.leeway, now, result.expire_time));
  MITRA_ASSIGN_OR_RETURN(result.subject, Text(claims, "sub"));
  if (result.subject.empty() || result.subject.size() > kMaxSubject) {
    return Bad("sub is empty or too long");
  }
  MITRA_RETURN_IF_ERROR(ReadMember(claims, rules, result));
  MITRA_ASSIGN_OR_RETURN(result.scopes, Scopes(claims, rules.scope_claim));
  return result;
}

}  // namespace mitra
