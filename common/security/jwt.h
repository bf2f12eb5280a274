// Tokens that say who calls: JSON Web Tokens (RFC 7519), checked as RFC 8725
// advises. Nothing about a check comes from the token itself: the key decides
// the algorithm, the key comes from the set by `kid` alone, and every claim
// that matters must be there.

#ifndef MITRA_COMMON_SECURITY_JWT_H_
#define MITRA_COMMON_SECURITY_JWT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/security/jwks.h"

namespace mitra {

// What a token must say, and where it says what we want to know.
struct JwtRules {
  std::string issuer;    // `iss` must be this
  std::string audience;  // `aud` must be this or hold it
  // The claim that names the member; a token without it is a platform's.
  std::string member_claim = "mitra_member";
  // The claim with the scopes: text with spaces between them, or an array.
  std::string scope_claim = "scope";
  // How far clocks may differ.
  absl::Duration leeway = absl::Seconds(30);
};

// What a good token says.
struct JwtClaims {
  std::string subject;
  std::optional<std::string> member_id;
  // `act.sub` (RFC 8693): the member that acts for `member_id`; empty: nobody.
  std::string delegate_id;
  // Only those that may be scopes of ours.
  std::vector<std::string> scopes;
  absl::Time expire_time;
};

// The claims of `token`. UNAUTHENTICATED with what is wrong, for the log, if
// - it is not three parts of canonical base64url holding JSON objects without
//   repeated names, or longer than 4,096 bytes;
// - its header has an algorithm other than its key's, no `kid`, an unknown
//   one, `crit`, or a `typ` that is not JWT or at+jwt;
// - the signature is not the key's;
// - `iss`, `aud`, `exp` or `sub` is missing or wrong, `exp` has passed, `nbf`
// or
//   `iat` has not come, or a claim is of the wrong type;
// - the member or the delegate is no id of a member.
absl::StatusOr<JwtClaims> VerifyJwt(absl::string_view token, const JwkSet& keys,
                                    const JwtRules& rules, absl::Time now);

}  // namespace mitra

#endif  // MITRA_COMMON_SECURITY_JWT_H_
