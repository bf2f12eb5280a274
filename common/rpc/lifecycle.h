// The life of a service process: run until SIGTERM or SIGINT, then drain.

#ifndef MITRA_COMMON_RPC_LIFECYCLE_H_
#define MITRA_COMMON_RPC_LIFECYCLE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace mitra::rpc {

// Catches SIGTERM and SIGINT from its construction on and ignores SIGPIPE. One
// per process, made first thing in main. A second signal changes nothing.
class ShutdownSignal {
 public:
  ShutdownSignal();
  ~ShutdownSignal();
  ShutdownSignal(const ShutdownSignal&) = delete;
  ShutdownSignal& operator=(const ShutdownSignal&) = delete;

  // Blocks until a signal came or Raise() was called.
  void Wait();
  // True if it came within `timeout`.
  bool WaitFor(absl::Duration timeout);
  // As if a signal had come; for a part that cannot go on. Thread-safe.
  void Raise();
};

// Where a process can be reached, for those that start it with port 0.
struct Addresses {
  std::vector<std::string> grpc;
  std::string http;
  std::string admin;
};

// Writes {"grpc":[…],"http":"…","admin":"…","pid":N} to `path` atomically.
// Empty path: nothing to do.
absl::Status WriteAddressFile(const std::string& path,
                              const Addresses& addresses);

}  // namespace mitra::rpc

#endif  // MITRA_COMMON_RPC_LIFECYCLE_H_
