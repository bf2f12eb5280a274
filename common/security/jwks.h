// Public keys of a token issuer: a JSON Web Key Set (RFC 7517).

#ifndef MITRA_COMMON_SECURITY_JWKS_H_
#define MITRA_COMMON_SECURITY_JWKS_H_

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// OpenSSL's EVP_PKEY.
struct evp_pkey_st;

namespace mitra {

// The algorithms that are taken; each key serves exactly one of them, so that a
// token cannot choose how it is checked.
enum class JwtAlgorithm { kRs256, kEs256, kEdDsa };

// "RS256", "ES256", "EdDSA".
absl::string_view NameOf(JwtAlgorithm algorithm);

// Whether `signature`, in the form of RFC 7518 and 8037, is `key`'s over
// `signed_text`.
class Jwk {
 public:
  Jwk(JwtAlgorithm algorithm, std::shared_ptr<evp_pkey_st> key)
      : algorithm_(algorithm), key_(std::move(key)) {}

  JwtAlgorithm algorithm() const { return algorithm_; }
  bool Verify(absl::string_view signed_text, absl::string_view signature) const;

 private:
  JwtAlgorithm algorithm_;
  std::shared_ptr<evp_pkey_st> key_;
};

// Immutable; safe for concurrent use.
class JwkSet {
 public:
  // Takes RSA keys of 2,048 to 8,192 bits (RS256), EC keys on P-256 (ES256) and
  // OKP keys on Ed25519 (EdDSA), each with a `kid` of its own. Keys of other
  // kinds or for another `use` or `alg` are left out, as the RFC wants.
  //
  // INVALID_ARGUMENT naming the key ("keys[2].kid") for one that is broken or
  // has no kid, for a kid given twice, and for private and symmetric keys,
  // which have no business here. An empty set is an error too.
  static absl::StatusOr<std::shared_ptr<const JwkSet>> Parse(
      absl::string_view text);

  // Null if there is no such key.
  const Jwk* Find(absl::string_view kid) const;
  size_t size() const { return keys_.size(); }

 private:
  absl::flat_hash_map<std::string, Jwk> keys_;
};

absl::StatusOr<std::shared_ptr<const JwkSet>> LoadJwksFile(
    const std::string& path);

// Base64url without padding (RFC 7515, section 2), the one spelling of each
// value only. False if `text` is anything else.
bool Base64UrlDecode(absl::string_view text, std::string& bytes);

}  // namespace mitra

#endif  // MITRA_COMMON_SECURITY_JWKS_H_
