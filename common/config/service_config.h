// What can be configured of every process alike: where it listens, its admin
// port, what protects its links.

#ifndef MITRA_COMMON_CONFIG_SERVICE_CONFIG_H_
#define MITRA_COMMON_CONFIG_SERVICE_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/config/schema.h"
#include "common/config/tls_config.h"

namespace mitra {

// The port of probes and metrics, and the file that tells all addresses.
struct AdminConfig {
  std::string listen;  // empty: no port
  bool allow_remote = false;
  std::string address_file;

  // admin.* and address_file.
  void AddTo(Schema& schema);
};

// A service behind the gateway.
struct ServiceConfig {
  std::vector<std::string> listen = {"127.0.0.1:0"};
  int threads = 1;
  AdminConfig admin;
  LinkConfig links;

  // server.*, links.*, admin.* and address_file.
  void AddTo(Schema& schema);
  // See LinkConfig::Check.
  absl::Status Check() const { return links.Check(listen); }
};

}  // namespace mitra

#endif  // MITRA_COMMON_CONFIG_SERVICE_CONFIG_H_
