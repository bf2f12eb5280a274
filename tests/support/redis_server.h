// A Redis of the test's own: real redis-server on a unix socket in a temporary
// folder, no TCP port, nothing on disk.

#ifndef MITRA_TESTS_SUPPORT_REDIS_SERVER_H_
#define MITRA_TESTS_SUPPORT_REDIS_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace mitra::testing {

// Not thread-safe.
class RedisServer {
 public:
  // Starts one and waits until it answers. `extra_arguments` are appended to
  // the command line, such as {"--requirepass", "x"}. NOT_FOUND if redis-server
  // is not installed.
  static absl::StatusOr<std::unique_ptr<RedisServer>> Start(
      std::vector<std::string> extra_arguments = {});
  // Kills it.
  ~RedisServer();

  // "unix:/…/redis.sock", as `redis.target` wants it.
  std::string target() const { return "unix:" + socket_path(); }
  std::string socket_path() const { return dir_.File("redis.sock"); }

  // kill -9. All data is lost.
  void Kill();
  // Starts it again, empty, with the same socket, after killing it if it runs.
  absl::Status Restart();
  // SIGSTOP and SIGCONT: connections are taken, nothing is answered.
  void Pause();
  void Resume();

  // Runs redis-cli with these arguments against it and gives its output without
  // the final newline.
  std::string Cli(const std::vector<std::string>& command) const;

 private:
  explicit RedisServer(std::vector<std::string> extra_arguments)
      : extra_arguments_(std::move(extra_arguments)) {}

  const std::vector<std::string> extra_arguments_;
  TempDir dir_;
  std::unique_ptr<Process> process_;
};

}  // namespace mitra::testing

#endif  // MITRA_TESTS_SUPPORT_REDIS_SERVER_H_
