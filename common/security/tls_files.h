// Certificates and keys in PEM files, checked before anything uses them.

#ifndef MITRA_COMMON_SECURITY_TLS_FILES_H_
#define MITRA_COMMON_SECURITY_TLS_FILES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mitra {

// What one end of a connection shows and believes.
struct TlsFiles {
  // Our certificate, with the intermediate ones after it, and its key. Both or
  // neither.
  std::string cert_file;
  std::string key_file;
  // Who may have signed the other end's certificate. A server that has one
  // takes no connection without a client certificate (mTLS). A client without
  // one believes the system's.
  std::string ca_file;
  // Names that the other end's certificate may bear (DNS or URI names of
  // subjectAltName; the common name counts for nothing); empty: any, and for
  // clients the name that they connect to.
  std::vector<std::string> peers;

  bool enabled() const {
    return !cert_file.empty() || !key_file.empty() || !ca_file.empty();
  }
  bool mutual() const { return !cert_file.empty() && !ca_file.empty(); }
};

// Reads all files and checks them against each other: INVALID_ARGUMENT naming
// `section`.cert_file, .key_file or .ca_file if one is missing or no PEM, the
// key is not that of the certificate or is weak, the certificate has expired,
// is not valid yet or bears no name. OK if nothing is set.
absl::Status CheckTlsFiles(const TlsFiles& files, absl::string_view section,
                           absl::Time now);

// When the first certificate of a PEM file expires; InfinitePast() if it cannot
// be read.
absl::Time ExpiryOf(const std::string& cert_file);

}  // namespace mitra

#endif  // MITRA_COMMON_SECURITY_TLS_FILES_H_
