#include "tests/support/certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdio>

#include "absl/strings/str_join.h"
#include "tests/support/temp_dir.h"

namespace mitra::testing {
namespace {

template <typename Write>
std::string Pem(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);  // NOLINT(google-runtime-int)
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

std::string PemOf(X509* cert) {
  return Pem([&](BIO* bio) { PEM_write_bio_X509(bio, cert); });
}

void AddExtension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* NewCertificate(EVP_PKEY* key, const char* name, absl::Time not_before,
                     absl::Time not_after) {
  static std::atomic<int> serial{1};
  X509* cert = X509_new();
  X509_set_version(cert, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), serial.fetch_add(1));
  ASN1_TIME_set(X509_getm_notBefore(cert), absl::ToTimeT(not_before));
  ASN1_TIME_set(X509_getm_notAfter(cert), absl::ToTimeT(not_after));
  X509_set_pubkey(cert, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1,
                             -1, 0);
  return cert;
}

void Replace(const std::string& path, const std::string& text) {
  WriteFileOrDie(path + ".new", text);
  std::rename((path + ".new").c_str(), path.c_str());
}

}  // namespace

void CertifiedKey::WriteTo(const std::string& cert_file,
                           const std::string& key_file) const {
  Replace(key_file, key);
  Replace(cert_file, cert);
}

CertificateAuthority::CertificateAuthority()
    : key_(EVP_EC_gen("P-256"), EVP_PKEY_free) {
  X509* root = NewCertificate(key_.get(), "Mitra test root",
                              absl::Now() - absl::Hours(24),
                              absl::Now() + absl::Hours(24));
  X509_set_issuer_name(root, X509_get_subject_name(root));
  AddExtension(root, root, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(root, root, NID_key_usage, "critical,keyCertSign,cRLSign");
  AddExtension(root, root, NID_subject_key_identifier, "hash");
  X509_sign(root, key_.get(), EVP_sha256());
  root_.reset(root, X509_free);
  cert_ = PemOf(root);
}

CertifiedKey CertificateAuthority::Issue(const Wishes& wishes) const {
  EVP_PKEY* key = wishes.rsa_bits > 0
                      ? EVP_RSA_gen(static_cast<unsigned>(wishes.rsa_bits))
                      : EVP_EC_gen("P-256");
  X509* cert =
      NewCertificate(key, "localhost", wishes.not_before, wishes.not_after);
  X509_set_issuer_name(cert, X509_get_subject_name(root_.get()));
  AddExtension(cert, root_.get(), NID_basic_constraints, "critical,CA:FALSE");
  if (!wishes.names.empty()) {
    AddExtension(cert, root_.get(), NID_subject_alt_name,
                 absl::StrJoin(wishes.names, ","));
  }
  X509_sign(cert, key_.get(), EVP_sha256());
  CertifiedKey result;
  result.cert = PemOf(cert);
  result.key = Pem([&](BIO* bio) {
    PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
  X509_free(cert);
  EVP_PKEY_free(key);
  return result;
}

}  // namespace mitra::testing
