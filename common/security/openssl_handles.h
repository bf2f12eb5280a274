// OpenSSL's objects with owners. For .cc files that call OpenSSL.

#ifndef MITRA_COMMON_SECURITY_OPENSSL_HANDLES_H_
#define MITRA_COMMON_SECURITY_OPENSSL_HANDLES_H_

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace mitra::openssl {

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* value) const {
    kFree(value);
  }
};

using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;

// Reads from `text`, which must outlive it.
inline Bio ReaderOf(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The names of a certificate (subjectAltName); null if it bears none.
inline Names NamesOf(X509* cert) {
  return Names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr)));
}

}  // namespace mitra::openssl

#endif  // MITRA_COMMON_SECURITY_OPENSSL_HANDLES_H_
