#include "tests/support/token_issuer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace mitra::testing {
namespace {

std::string Encode(absl::string_view bytes) {
  std::string text;
  absl::WebSafeBase64Escape(bytes, &text);
  return text;
}

std::string NumberParam(const EVP_PKEY* key, const char* name, int width) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  std::string bytes(width > 0 ? width : BN_num_bytes(number), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
               static_cast<int>(bytes.size()));
  BN_free(number);
  return Encode(bytes);
}

// OpenSSL's DER signature as r and s side by side.
std::string RawOf(absl::string_view der) {
  auto* at = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* parts =
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));  // NOLINT
  std::string raw(64, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(parts), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(parts), out + 32, 32);
  ECDSA_SIG_free(parts);
  return raw;
}

EVP_PKEY* Generate(const std::string& algorithm) {
  if (algorithm == "RS256") return EVP_RSA_gen(2048);
  if (algorithm == "ES256") return EVP_EC_gen("P-256");
  return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
}

}  // namespace

TokenIssuer::TokenIssuer(const std::string& algorithm, const std::string& kid)
    : algorithm_(algorithm),
      kid_(kid),
      key_(Generate(algorithm), EVP_PKEY_free) {}

nlohmann::json TokenIssuer::PublicKey() const {
  nlohmann::json key = {{"kid", kid_}, {"alg", algorithm_}, {"use", "sig"}};
  if (algorithm_ == "RS256") {
    key["kty"] = "RSA";
    key["n"] = NumberParam(key_.get(), OSSL_PKEY_PARAM_RSA_N, 0);
    key["e"] = NumberParam(key_.get(), OSSL_PKEY_PARAM_RSA_E, 0);
  } else if (algorithm_ == "ES256") {
    key["kty"] = "EC";
    key["crv"] = "P-256";
    key["x"] = NumberParam(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, 32);
    key["y"] = NumberParam(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, 32);
  } else {
    std::string bytes(32, '\0');
    size_t size = bytes.size();
    EVP_PKEY_get_raw_public_key(
        key_.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size);
    key["kty"] = "OKP";
    key["crv"] = "Ed25519";
    key["x"] = Encode(bytes);
  }
  return key;
}

std::string TokenIssuer::Jwks() const {
  return nlohmann::json{{"keys", nlohmann::json::array({PublicKey()})}}.dump();
}

nlohmann::json TokenIssuer::Header() const {
  return {{"alg", algorithm_}, {"kid", kid_}, {"typ", "JWT"}};
}

nlohmann::json TokenIssuer::Claims(const std::string& member, absl::Time now) {
  nlohmann::json claims = {{"iss", "https://issuer.example"},
                           {"aud", "mitra"},
                           {"sub", "somebody"},
                           {"scope", "*"},
                           {"iat", absl::ToUnixSeconds(now)},
                           {"exp", absl::ToUnixSeconds(now) + 3600}};
  if (!member.empty()) claims["mitra_member"] = member;
  return claims;
}

std::string TokenIssuer::Sign(const nlohmann::json& header,
                              const nlohmann::json& claims) const {
  return SignTexts(header.dump(), claims.dump());
}

std::string TokenIssuer::SignTexts(absl::string_view header,
                                   absl::string_view claims) const {
  const std::string text = absl::StrCat(Encode(header), ".", Encode(claims));
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestSignInit(context, nullptr,
                     algorithm_ == "EdDSA" ? nullptr : EVP_sha256(), nullptr,
                     key_.get());
  std::string signature(1024, '\0');
  size_t size = signature.size();
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()),
                 &size, reinterpret_cast<const unsigned char*>(text.data()),
                 text.size());
  EVP_MD_CTX_free(context);
  signature.resize(size);
  if (algorithm_ == "ES256") signature = RawOf(signature);
  return absl::StrCat(text, ".", Encode(signature));
}

}  // namespace mitra::testing
