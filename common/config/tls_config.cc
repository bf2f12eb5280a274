#include "common/config/tls_config.h"

#include "absl/time/clock.h"
#include "common/security/exposure.h"
#include "common/status/status_macros.h"

namespace mitra {

void AddTlsFiles(Schema& schema, const std::string& section,
                 const std::string& what, TlsFiles& files) {
  schema.Add(section + ".cert_file", &files.cert_file,
             "Certificate (PEM) for " + what + "; empty: no TLS.");
  schema.Add(section + ".key_file", &files.key_file,
             "Private key (PEM) of the certificate.");
  schema.Add(section + ".ca_file", &files.ca_file,
             "Who signs the other end's certificate (PEM); a server with it "
             "wants a certificate of every client.");
  schema.Add(section + ".peers", &files.peers,
             "Names that the other end's certificate may bear; empty: any.");
}

void LinkConfig::AddTo(Schema& schema) {
  AddTlsFiles(schema, "links", "the links between services", tls);
  schema.Add("server.insecure_plaintext", &insecure_plaintext,
             "Let other machines connect without certificates and believe "
             "them; for networks that are safe by themselves.");
}

absl::Status LinkConfig::Check(const std::vector<std::string>& listen) const {
  MITRA_RETURN_IF_ERROR(CheckTlsFiles(tls, "links", absl::Now()));
  return CheckServiceExposure(listen, tls.mutual(), insecure_plaintext);
}

}  // namespace mitra
