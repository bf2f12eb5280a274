#include "tests/support/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "tests/support/temp_dir.h"

extern char** environ;

namespace mitra::testing {
namespace {

// PR_SET_PDEATHSIG fires when the *thread* that forked ends, so all children
// are forked by one thread that never ends.
class Launcher {
 public:
  static Launcher& Get() {
    static Launcher* launcher = new Launcher;
    return *launcher;
  }

  pid_t Run(const std::function<pid_t()>& fork_and_exec) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return job_ == nullptr; });
    bool done = false;
    pid_t pid = -1;
    const std::function<void()> job = [&] {
      pid = fork_and_exec();
      done = true;
    };
    job_ = &job;
    changed_.notify_all();
    changed_.wait(lock, [&] { return done; });
    return pid;
  }

 private:
  Launcher() { std::thread(&Launcher::Loop, this).detach(); }

  void Loop() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return job_ != nullptr; });
      (*job_)();
      job_ = nullptr;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void()>* job_ = nullptr;
};

std::vector<std::string> MergedEnvironment(
    const std::map<std::string, std::string>& extra) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(absl::string_view(*entry), absl::MaxSplits('=', 1));
    if (extra.count(parts.first) == 0) merged.emplace_back(*entry);
  }
  for (const auto& [name, value] : extra) {
    merged.push_back(absl::StrCat(name, "=", value));
  }
  return merged;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& s : strings) pointers.push_back(s.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Process>> Process::Start(Options options) {
  if (options.argv.empty()) return absl::InvalidArgumentError("argv: is empty");
  std::unique_ptr<Process> process(new Process(std::move(options)));
  const Options& o = process->options_;
  std::vector<std::string> arguments = o.argv;
  std::vector<std::string> variables = MergedEnvironment(o.env);
  std::vector<char*> argv = Pointers(arguments);
  std::vector<char*> envp = Pointers(variables);
  const std::string input = o.input_path.empty() ? "/dev/null" : o.input_path;
  const std::string output =
      o.output_path.empty() ? "/dev/null" : o.output_path;
  int failure[2];
  if (pipe2(failure, O_CLOEXEC) != 0) {
    return absl::InternalError(absl::StrCat("pipe2: ", strerror(errno)));
  }
  const pid_t parent = getpid();

  // Between fork and exec only async-signal-safe calls are allowed.
  process->pid_ = Launcher::Get().Run([&] {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    const int in = open(input.c_str(), O_RDONLY);
    const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (in >= 0 && out >= 0) {
      dup2(in, 0);
      dup2(out, 1);
      dup2(out, 2);
      syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
      execvpe(argv[0], argv.data(), envp.data());
    }
    const int error = errno;
    (void)!write(failure[1], &error, sizeof(error));
    _exit(127);
  });
  close(failure[1]);
  int error = 0;
  const ssize_t got = read(failure[0], &error, sizeof(error));
  close(failure[0]);
  if (process->pid_ < 0) return absl::InternalError("fork failed");
  if (got == static_cast<ssize_t>(sizeof(error))) {
    process->Reap(/*block=*/true);
    return absl::NotFoundError(
        absl::StrCat(process->options_.argv[0], ": ", strerror(error)));
  }
  process->pidfd_ =
      static_cast<int>(syscall(SYS_pidfd_open, process->pid_, 0U));
  return process;
}

Process::~Process() {
  Kill();
  if (pidfd_ >= 0) close(pidfd_);
}

void Process::Reap(bool block) {
  if (reaped_ || pid_ <= 0) return;
  int status = 0;
  pid_t got = 0;
  do {
    got = waitpid(pid_, &status, block ? 0 : WNOHANG);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return;
  reaped_ = true;
  if (got > 0) {
    exit_code_ =
        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
}

bool Process::running() {
  Reap(/*block=*/false);
  return pid_ > 0 && !reaped_;
}

absl::Status Process::Signal(int signal) {
  if (!running()) {
    return absl::FailedPreconditionError(
        absl::StrCat(options_.argv[0], ": does not run"));
  }
  if (kill(pid_, signal) != 0) return absl::InternalError(strerror(errno));
  return absl::OkStatus();
}

void Process::Kill() {
  if (!running()) return;
  kill(pid_, SIGKILL);
  Reap(/*block=*/true);
}

absl::StatusOr<int> Process::Terminate(absl::Duration grace) {
  if (running()) kill(pid_, SIGTERM);
  return Wait(grace);
}

absl::StatusOr<int> Process::Wait(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (running()) {
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (left <= 0) {
      return absl::DeadlineExceededError(
          absl::StrCat(options_.argv[0], ": still runs"));
    }
    pollfd waited = {pidfd_, POLLIN, 0};
    poll(&waited, 1, static_cast<int>(std::min<int64_t>(left, 1000)));
  }
  return exit_code_;
}

std::string Process::output() const {
  return options_.output_path.empty() ? ""
                                      : ReadFileOrEmpty(options_.output_path);
}

absl::StatusOr<CommandResult> RunCommand(
    std::vector<std::string> argv, absl::Duration timeout,
    std::map<std::string, std::string> env) {
  TempDir dir;
  auto process = Process::Start({.argv = std::move(argv),
                                 .env = std::move(env),
                                 .output_path = dir.File("output")});
  if (!process.ok()) return process.status();
  auto exit_code = (*process)->Wait(timeout);
  if (!exit_code.ok()) {
    return absl::Status(exit_code.status().code(),
                        absl::StrCat(exit_code.status().message(),
                                     "; output: ", (*process)->output()));
  }
  return CommandResult{*exit_code, (*process)->output()};
}

}  // namespace mitra::testing
