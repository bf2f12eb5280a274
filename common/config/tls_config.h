// The keys of a configuration that say which certificates to use.

#ifndef MITRA_COMMON_CONFIG_TLS_CONFIG_H_
#define MITRA_COMMON_CONFIG_TLS_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/config/schema.h"
#include "common/security/tls_files.h"

namespace mitra {

// Adds `section`.cert_file, .key_file, .ca_file and .peers. `what` tells for
// which connections.
void AddTlsFiles(Schema& schema, const std::string& section,
                 const std::string& what, TlsFiles& files);

// What protects a service that believes whoever reaches it, and its own links
// to other services.
struct LinkConfig {
  TlsFiles tls;
  bool insecure_plaintext = false;

  // links.* and server.insecure_plaintext.
  void AddTo(Schema& schema);
  // The files are good, and nothing that other machines reach at `listen` goes
  // without certificates on both ends unless that was said.
  absl::Status Check(const std::vector<std::string>& listen) const;
};

}  // namespace mitra

#endif  // MITRA_COMMON_CONFIG_TLS_CONFIG_H_
