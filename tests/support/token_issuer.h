// An issuer of tokens (JWT) with keys of its own, and of tokens that are wrong
// in one way.

#ifndef MITRA_TESTS_SUPPORT_TOKEN_ISSUER_H_
#define MITRA_TESTS_SUPPORT_TOKEN_ISSUER_H_

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

struct evp_pkey_st;

namespace mitra::testing {

// One key pair.
class TokenIssuer {
 public:
  // `algorithm`: "RS256", "ES256" or "EdDSA".
  TokenIssuer(const std::string& algorithm, const std::string& kid);

  // The public key, as one of `keys` of a JWKS.
  nlohmann::json PublicKey() const;
  // A JWKS with this key alone.
  std::string Jwks() const;

  // {"alg", "kid", "typ"}.
  nlohmann::json Header() const;
  // Good claims for an hour: iss "https://issuer.example", aud "mitra", sub
  // "somebody", all scopes, and the member unless it is empty.
  static nlohmann::json Claims(const std::string& member,
                               absl::Time now = absl::Now());
  // header.claims.signature.
  std::string Sign(const nlohmann::json& header,
                   const nlohmann::json& claims) const;
  std::string Sign(const nlohmann::json& claims) const {
    return Sign(Header(), claims);
  }
  // The same from texts that may be no JSON.
  std::string SignTexts(absl::string_view header,
                        absl::string_view claims) const;

 private:
  const std::string algorithm_;
  const std::string kid_;
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace mitra::testing

#endif  // MITRA_TESTS_SUPPORT_TOKEN_ISSUER_H_
