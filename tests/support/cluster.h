// A whole cluster of a test's own: all four services, as the programs that
// ship, and a Redis, on unix sockets in a temporary folder; with the console
// where MITRA_SOURCE_DIR and node-d3 are there.

#ifndef MITRA_TESTS_SUPPORT_CLUSTER_H_
#define MITRA_TESTS_SUPPORT_CLUSTER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/security/tls_files.h"
#include "tests/support/process.h"
#include "tests/support/redis_server.h"
#include "tests/support/temp_dir.h"

namespace mitra::testing {

// Not thread-safe. Services: "profile", "search", "matching", "gateway"; a name
// with a digit behind it, such as "matching2", is a further process of that
// service, which Restart starts and the gateway does not call.
class Cluster {
 public:
  // Starts everything and waits until every service says SERVING.
  // `flags` are added to a service's command line, by its name.
  static absl::StatusOr<std::unique_ptr<Cluster>> Start(
      std::map<std::string, std::vector<std::string>> flags = {});
  // What a cluster without unix sockets shows and believes.
  struct Certificates {
    TlsFiles links;   // every service, as server and as client
    TlsFiles client;  // the test's own, towards the gateway
  };
  // The same on loopback ports, with TLS on every link between the services;
  // that of the gateway's public addresses is for `flags`.
  static absl::StatusOr<std::unique_ptr<Cluster>> StartWithTls(
      Certificates certificates,
      std::map<std::string, std::vector<std::string>> flags);
  // Only the profile service, for tests of the record.
  static absl::StatusOr<std::unique_ptr<Cluster>> StartProfileOnly(
      std::map<std::string, std::vector<std::string>> flags = {});
  ~Cluster();

  // Path of one of our programs, "mitra".
  static std::string Program(const std::string& name);
  // gRPC target of a service; the gateway's is the cluster's.
  std::string target(const std::string& service) const;
  // "127.0.0.1:1234".
  std::string http_address() const { return http_address("gateway"); }
  std::string http_address(const std::string& gateway) const;
  // Of the service's admin port: /metrics and the like.
  std::string admin_address(const std::string& service) const;
  // A path in the cluster's folder.
  std::string File(const std::string& name) const { return dir_.File(name); }
  // A platform key with all scopes.
  const std::string& key() const { return key_; }
  RedisServer& redis() { return *redis_; }

  // Folder of a service's data.
  std::string data_dir(const std::string& service) const {
    return dir_.File(service);
  }

  // SIGSTOP and SIGCONT: calls are taken, nothing is answered.
  void Pause(const std::string& service);
  void Resume(const std::string& service);
  // kill -9.
  void Kill(const std::string& service);
  // Starts it again with its data and waits until it is SERVING.
  absl::Status Restart(const std::string& service);
  // The end of a service's log.
  std::string log(const std::string& service) const;
  // All of it.
  std::string whole_log(const std::string& service) const;

 private:
  Cluster() = default;
  std::vector<std::string> ArgumentsOf(const std::string& service) const;
  absl::Status Launch(const std::string& service);
  absl::Status WriteKey();

  std::string AddressOf(const std::string& service,
                        const std::string& kind) const;
  bool IsServing(const std::string& service) const;

  TempDir dir_;
  std::map<std::string, std::vector<std::string>> flags_;
  Certificates certificates_;
  std::unique_ptr<RedisServer> redis_;
  std::map<std::string, std::unique_ptr<Process>> processes_;
  std::string key_;
};

}  // namespace mitra::testing

#endif  // MITRA_TESTS_SUPPORT_CLUSTER_H_
