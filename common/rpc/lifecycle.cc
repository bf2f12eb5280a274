#include "common/rpc/lifecycle.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace mitra::rpc {
namespace {

int wake_pipe[2] = {-1, -1};

void OnSignal(int) {
  const int saved = errno;
  const char byte = 1;
  (void)!write(wake_pipe[1], &byte, 1);
  errno = saved;
}

}  // namespace

ShutdownSignal::ShutdownSignal() {
  if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) != 0) perror("pipe2");
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

ShutdownSignal::~ShutdownSignal() {
  signal(SIGTERM, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  close(wake_pipe[0]);
  close(wake_pipe[1]);
}

void ShutdownSignal::Wait() {
  while (!WaitFor(absl::Hours(1))) {
  }
}

bool ShutdownSignal::WaitFor(absl::Duration timeout) {
  pollfd readable = {wake_pipe[0], POLLIN, 0};
  return poll(&readable, 1,
              static_cast<int>(absl::ToInt64Milliseconds(timeout))) == 1;
}

void ShutdownSignal::Raise() { OnSignal(0); }

absl::Status WriteAddressFile(const std::string& path,
                              const Addresses& addresses) {
  if (path.empty()) return absl::OkStatus();
  nlohmann::json json;
  json["grpc"] = addresses.grpc;
  json["http"] = addresses.http;
  json["admin"] = addresses.admin;
  json["pid"] = getpid();
  const std::string temporary = absl::StrCat(path, ".tmp");
  {
    std::ofstream file(temporary, std::ios::trunc);
    file << json.dump() << "\n";
    if (!file.flush()) {
      return absl::InternalError(absl::StrCat("cannot write ", temporary));
    }
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    return absl::InternalError(absl::StrCat("cannot rename to ", path));
  }
  return absl::OkStatus();
}

}  // namespace mitra::rpc
