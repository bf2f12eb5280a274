#include "common/security/jwks.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/security/openssl_handles.h"
#include "common/security/private_file.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra {
namespace {

using Json = nlohmann::json;
using Key = std::shared_ptr<EVP_PKEY>;

constexpr size_t kMaxKid = 128;
constexpr size_t kEcBytes = 32;
constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;

using openssl::Free;
using BigNumber = std::unique_ptr<BIGNUM, Free<BN_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>>;

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

BigNumber NumberOf(absl::string_view bytes) {
  return BigNumber(
      BN_bin2bn(Bytes(bytes), static_cast<int>(bytes.size()), nullptr));
}

Key Own(EVP_PKEY* key) { return Key(key, EVP_PKEY_free); }

// Null if the parameters are no public key of that type.
Key MakeKey(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr ||
      EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY,
                        params.get()) != 1) {
    return nullptr;
  }
  Key owned = Own(key);
  const KeyContext check(EVP_PKEY_CTX_new(key, nullptr));
  if (EVP_PKEY_public_check(check.get()) != 1) return nullptr;
  return owned;
}

std::string TextOf(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

// The decoded member `name`; empty if it is absent or not base64url.
std::string BytesOf(const Json& object, const char* name) {
  std::string bytes;
  if (!Base64UrlDecode(TextOf(object, name), bytes)) bytes.clear();
  return bytes;
}

Key RsaKey(const Json& json) {
  const std::string n = BytesOf(json, "n"), e = BytesOf(json, "e");
  if (n.empty() || e.empty() || e.size() > 8) return nullptr;
  const BigNumber modulus = NumberOf(n), exponent = NumberOf(e);
  const int bits = BN_num_bits(modulus.get());
  if (bits < kMinRsaBits || bits > kMaxRsaBits) return nullptr;
  if (!BN_is_odd(exponent.get()) || BN_is_one(exponent.get())) return nullptr;
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  return MakeKey("RSA", builder.get());
}

Key EcKey(const Json& json) {
  const std::string x = BytesOf(json, "x"), y = BytesOf(json, "y");
  if (x.size() != kEcBytes || y.size() != kEcBytes) return nullptr;
  const std::string point = absl::StrCat("\x04", x, y);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                  "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                   point.data(), point.size());
  return MakeKey("EC", builder.get());
}

Key EdKey(const Json& json) {
  const std::string x = BytesOf(json, "x");
  if (x.size() != 32) return nullptr;
  return Own(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(x),
                                         x.size()));
}

// Which algorithm a key of this kind serves; nothing for keys to leave out.
std::optional<JwtAlgorithm> AlgorithmOf(const Json& json) {
  const std::string kty = TextOf(json, "kty"), crv = TextOf(json, "crv");
  std::optional<JwtAlgorithm> algorithm;
  if (kty == "RSA") algorithm = JwtAlgorithm::kRs256;
  if (kty == "EC" && crv == "P-256") algorithm = JwtAlgorithm::kEs256;
  if (kty == "OKP" && crv == "Ed25519") algorithm = JwtAlgorithm::kEdDsa;
  if (!algorithm) return std::nullopt;
  if (json.contains("use") && TextOf(json, "use") != "sig") return std::nullopt;
  if (json.contains("alg") && TextOf(json, "alg") != NameOf(*algorithm)) {
    return std::nullopt;
  }
  return algorithm;
}

Key PublicKeyOf(JwtAlgorithm algorithm, const Json& json) {
  switch (algorithm) {
    case JwtAlgorithm::kRs256:
      return RsaKey(json);
    case JwtAlgorithm::kEs256:
      return EcKey(json);
    case JwtAlgorithm::kEdDsa:
      return EdKey(json);
  }
  return nullptr;
}

// r and s side by side become the form that OpenSSL reads.
std::string DerOf(absl::string_view signature) {
  if (signature.size() != 2 * kEcBytes) return "";
  BigNumber r = NumberOf(signature.substr(0, kEcBytes));
  BigNumber s = NumberOf(signature.substr(kEcBytes));
  const EcSignature parts(ECDSA_SIG_new());
  ECDSA_SIG_set0(parts.get(), r.release(), s.release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(parts.get(), &der);
  std::string text;
  if (size > 0) text.assign(reinterpret_cast<char*>(der), size);
  OPENSSL_free(der);
  return text;
}

}  // namespace

absl::string_view NameOf(JwtAlgorithm algorithm) {
  switch (algorithm) {
    case JwtAlgorithm::kRs256:
      return "RS256";
    case JwtAlgorithm::kEs256:
      return "ES256";
    case JwtAlgorithm::kEdDsa:
      return "EdDSA";
  }
  return "";
}

bool Jwk::Verify(absl::string_view signed_text,
                 absl::string_view signature) const {
  std::string der;
  if (algorithm_ == JwtAlgorithm::kEs256) {
    der = DerOf(signature);
    if (der.empty()) return false;
    signature = der;
  }
  const EVP_MD* digest =
      algorithm_ == JwtAlgorithm::kEdDsa ? nullptr : EVP_sha256();
  const DigestContext context(EVP_MD_CTX_new());
  // RSA keys are checked with PKCS #1 v1.5 padding, EVP's default: RS256.
  return EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr,
                              key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(signature), signature.size(),
                          Bytes(signed_text), signed_text.size()) == 1;
}

absl::StatusOr<std::shared_ptr<const JwkSet>> JwkSet::Parse(
    absl::string_view text) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  const auto keys = json.is_object() ? json.find("keys") : json.end();
  if (!json.is_object() || keys == json.end() || !keys->is_array()) {
    return InvalidField("keys", "must be an array in a JSON object");
  }
  auto set = std::make_shared<JwkSet>();
  for (size_t i = 0; i < keys->size(); ++i) {
    const Json& key = (*keys)[i];
    const std::string where = absl::StrCat("keys[", i, "]");
    if (!key.is_object()) return InvalidField(where, "is not an object");
    if (TextOf(key, "kty") == "oct" || key.contains("d")) {
      return InvalidField(where, "is a secret key; only public ones go here");
    }
    const std::optional<JwtAlgorithm> algorithm = AlgorithmOf(key);
    if (!algorithm) continue;
    const std::string kid = TextOf(key, "kid");
    if (kid.empty() || kid.size() > kMaxKid) {
      return InvalidField(where + ".kid", "must be 1 to 128 bytes");
    }
    const Key parsed = PublicKeyOf(*algorithm, key);
    if (parsed == nullptr) {
      return InvalidField(where, absl::StrCat("is not a good public key for ",
                                              NameOf(*algorithm)));
    }
    if (!set->keys_.emplace(kid, Jwk(*algorithm, parsed)).second) {
      return InvalidField(where + ".kid", "is given twice");
    }
  }
  if (set->keys_.empty()) {
    return InvalidField("keys", "holds no key for RS256, ES256 or EdDSA");
  }
  return std::shared_ptr<const JwkSet>(std::move(set));
}

const Jwk* JwkSet::Find(absl::string_view kid) const {
  const auto it = keys_.find(kid);
  return it == keys_.end() ? nullptr : &it->second;
}

absl::StatusOr<std::shared_ptr<const JwkSet>> LoadJwksFile(
    const std::string& path) {
  MITRA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path));
  return JwkSet::Parse(text);
}

bool Base64UrlDecode(absl::string_view text, std::string& bytes) {
  if (!absl::WebSafeBase64Unescape(text, &bytes)) return false;
  std::string again;
  absl::WebSafeBase64Escape(bytes, &again);
  return again == text;
}

}  // namespace mitra
