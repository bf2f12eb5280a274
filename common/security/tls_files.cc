#include "common/security/tls_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <ctime>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/security/openssl_handles.h"
#include "common/security/private_file.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra {
namespace {

using openssl::Bio;
using openssl::Certificate;
using openssl::Key;

// NIST SP 800-57: what is weaker is not enough for 2030.
constexpr int kMinSecurityBits = 112;

// Null if `text` does not begin with a certificate.
Certificate FirstCertificate(const std::string& text) {
  const Bio bio = openssl::ReaderOf(text);
  Certificate cert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return cert;
}

Key PrivateKey(const std::string& text) {
  const Bio bio = openssl::ReaderOf(text);
  // Keys with a pass phrase are not asked for it: a server has no terminal.
  const auto no_phrase = [](char*, int, int, void*) { return -1; };
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_phrase, nullptr));
  ERR_clear_error();
  return key;
}

absl::Time TimeOf(const ASN1_TIME* time) {
  std::tm parts = {};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

absl::StatusOr<std::string> Read(const std::string& path,
                                 const std::string& field) {
  if (path.empty()) return InvalidField(field, "is required");
  absl::StatusOr<std::string> text = ReadWholeFile(path);
  if (!text.ok()) {
    return InvalidField(field, absl::StrCat(path, " cannot be read"));
  }
  return text;
}

absl::Status CheckPair(const TlsFiles& files, const std::string& section,
                       absl::Time now) {
  const std::string cert_field = section + ".cert_file";
  const std::string key_field = section + ".key_file";
  MITRA_ASSIGN_OR_RETURN(const std::string cert_text,
                         Read(files.cert_file, cert_field));
  MITRA_ASSIGN_OR_RETURN(const std::string key_text,
                         Read(files.key_file, key_field));
  const Certificate cert = FirstCertificate(cert_text);
  if (cert == nullptr) {
    return InvalidField(cert_field, "holds no certificate in PEM");
  }
  const Key key = PrivateKey(key_text);
  if (key == nullptr) {
    return InvalidField(key_field,
                        "holds no private key in PEM, or one with a phrase");
  }
  if (X509_check_private_key(cert.get(), key.get()) != 1) {
    ERR_clear_error();
    return InvalidField(key_field, "is not the key of the certificate");
  }
  if (EVP_PKEY_get_security_bits(key.get()) < kMinSecurityBits) {
    return InvalidField(key_field, "is too weak; RSA wants 2,048 bits");
  }
  if (now >= TimeOf(X509_get0_notAfter(cert.get()))) {
    return InvalidField(cert_field, "has expired");
  }
  if (now < TimeOf(X509_get0_notBefore(cert.get()))) {
    return InvalidField(cert_field, "is not valid yet");
  }
  if (openssl::NamesOf(cert.get()) == nullptr) {
    return InvalidField(cert_field,
                        "bears no name; clients look at subjectAltName only");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckTlsFiles(const TlsFiles& files, absl::string_view section,
                           absl::Time now) {
  const std::string name(section);
  if (!files.cert_file.empty() || !files.key_file.empty()) {
    MITRA_RETURN_IF_ERROR(CheckPair(files, name, now));
  }
  if (files.ca_file.empty()) return absl::OkStatus();
  const std::string field = name + ".ca_file";
  MITRA_ASSIGN_OR_RETURN(const std::string ca, Read(files.ca_file, field));
  if (FirstCertificate(ca) == nullptr) {
    return InvalidField(field, "holds no certificate in PEM");
  }
  return absl::OkStatus();
}

absl::Time ExpiryOf(const std::string& cert_file) {
  const absl::StatusOr<std::string> text = ReadWholeFile(cert_file);
  if (!text.ok()) return absl::InfinitePast();
  const Certificate cert = FirstCertificate(*text);
  return cert == nullptr ? absl::InfinitePast()
                         : TimeOf(X509_get0_notAfter(cert.get()));
}

}  // namespace mitra
