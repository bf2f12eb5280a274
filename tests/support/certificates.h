// Certificates made for a test, on P-256.

#ifndef MITRA_TESTS_SUPPORT_CERTIFICATES_H_
#define MITRA_TESTS_SUPPORT_CERTIFICATES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"

struct evp_pkey_st;
struct x509_st;

namespace mitra::testing {

// A certificate and its key, as PEM.
struct CertifiedKey {
  std::string cert;
  std::string key;

  // Writes both, each in one step, the key first.
  void WriteTo(const std::string& cert_file, const std::string& key_file) const;
};

// Signs certificates by a root of its own.
class CertificateAuthority {
 public:
  CertificateAuthority();

  // Its own certificate.
  const std::string& cert() const { return cert_; }

  struct Wishes {
    // Names of subjectAltName, "DNS:localhost", "IP:127.0.0.1", "URI:…"; none:
    // the extension is left out.
    std::vector<std::string> names = {"DNS:localhost", "IP:127.0.0.1"};
    absl::Time not_before = absl::Now() - absl::Hours(1);
    absl::Time not_after = absl::Now() + absl::Hours(1);
    // RSA of that size instead.
    int rsa_bits = 0;
  };
  CertifiedKey Issue(const Wishes& wishes) const;
  CertifiedKey Issue() const { return Issue(Wishes()); }

 private:
  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<x509_st> root_;
  std::string cert_;
};

}  // namespace mitra::testing

#endif  // MITRA_TESTS_SUPPORT_CERTIFICATES_H_
