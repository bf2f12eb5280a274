// Programs that a test starts. None outlives the test: the kernel kills them
// when the test process dies, however it dies.

#ifndef MITRA_TESTS_SUPPORT_PROCESS_H_
#define MITRA_TESTS_SUPPORT_PROCESS_H_

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace mitra::testing {

// One child process. Not thread-safe.
class Process {
 public:
  struct Options {
    // Program and arguments; a program without '/' is looked up in PATH.
    std::vector<std::string> argv;
    // Set in addition to this process's own environment.
    std::map<std::string, std::string> env;
    // stdout and stderr are appended here; empty: /dev/null.
    std::string output_path;
    // Read as stdin; empty: /dev/null.
    std::string input_path;
  };

  // NOT_FOUND if the program cannot be executed.
  static absl::StatusOr<std::unique_ptr<Process>> Start(Options options);
  // SIGKILL, if it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  // FAILED_PRECONDITION if it does not run any more.
  absl::Status Signal(int signal);
  // SIGKILL, and waits until it is gone.
  void Kill();
  // SIGTERM, then Wait(grace).
  absl::StatusOr<int> Terminate(absl::Duration grace);
  // The exit code, or 128 + the signal that ended it; DEADLINE_EXCEEDED if it
  // still runs after `timeout`.
  absl::StatusOr<int> Wait(absl::Duration timeout);
  // What it has written so far.
  std::string output() const;

 private:
  explicit Process(Options options) : options_(std::move(options)) {}
  void Reap(bool block);

  const Options options_;
  pid_t pid_ = -1;
  int pidfd_ = -1;
  bool reaped_ = false;
  int exit_code_ = -1;
};

struct CommandResult {
  int exit_code = 0;
  std::string output;  // stdout and stderr together
};

// Runs a program to its end. DEADLINE_EXCEEDED, and SIGKILL, after `timeout`.
absl::StatusOr<CommandResult> RunCommand(
    std::vector<std::string> argv, absl::Duration timeout = absl::Seconds(60),
    std::map<std::string, std::string> env = {});

}  // namespace mitra::testing

#endif  // MITRA_TESTS_SUPPORT_PROCESS_H_
