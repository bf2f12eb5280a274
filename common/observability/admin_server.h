// The admin port of a process: /metrics, /livez, /readyz, /version. For
// operators and orchestrators, never for the public: loopback unless told
// otherwise.

#ifndef MITRA_COMMON_OBSERVABILITY_ADMIN_SERVER_H_
#define MITRA_COMMON_OBSERVABILITY_ADMIN_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace mitra {

// Runs on a thread of its own until it is destroyed.
class AdminServer {
 public:
  // One condition of readiness.
  struct Check {
    std::string name;
    bool ok = false;
    std::string detail;  // for people; never profile content
  };
  struct Options {
    // "127.0.0.1:0" takes any free port.
    std::string listen = "127.0.0.1:0";
    std::string service;
    // Called for every /readyz, from the server's thread; all must be ok.
    std::function<std::vector<Check>()> readiness;
    // Allow an address that is not loopback.
    bool allow_remote = false;
  };

  // INVALID_ARGUMENT (admin.listen) for an address that is malformed or not
  // allowed; UNAVAILABLE if it cannot be used.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(Options options);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // Host and port, with the port that was chosen.
  const std::string& address() const;

 private:
  struct Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitra

#endif  // MITRA_COMMON_OBSERVABILITY_ADMIN_SERVER_H_
