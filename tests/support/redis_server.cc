#include "tests/support/redis_server.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/eventually.h"

namespace mitra::testing {
namespace {

// True if a server answers PING on the socket, if only to ask for a password.
bool AnswersPing(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const timeval limit = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  constexpr char kPing[] = "*1\r\n$4\r\nPING\r\n";
  char answer[64];
  ssize_t got = -1;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) == 0 &&
      send(fd, kPing, sizeof(kPing) - 1, MSG_NOSIGNAL) > 0) {
    got = recv(fd, answer, sizeof(answer), 0);
  }
  close(fd);
  const absl::string_view text(answer, got > 0 ? static_cast<size_t>(got) : 0);
  return text.substr(0, 5) == "+PONG" || text.substr(0, 7) == "-NOAUTH";
}

}  // namespace

absl::StatusOr<std::unique_ptr<RedisServer>> RedisServer::Start(
    std::vector<std::string> extra_arguments) {
  std::unique_ptr<RedisServer> server(
      new RedisServer(std::move(extra_arguments)));
  if (absl::Status status = server->Restart(); !status.ok()) return status;
  return server;
}

RedisServer::~RedisServer() { Kill(); }

void RedisServer::Kill() {
  if (process_ != nullptr) process_->Kill();
}

absl::Status RedisServer::Restart() {
  Kill();
  // A killed server leaves its socket behind.
  unlink(socket_path().c_str());
  std::vector<std::string> argv = {"redis-server",
                                   "--port",
                                   "0",
                                   "--unixsocket",
                                   socket_path(),
                                   "--unixsocketperm",
                                   "700",
                                   "--dir",
                                   dir_.path(),
                                   "--save",
                                   "",
                                   "--appendonly",
                                   "no",
                                   "--enable-debug-command",
                                   "local",
                                   "--daemonize",
                                   "no"};
  argv.insert(argv.end(), extra_arguments_.begin(), extra_arguments_.end());
  auto process = Process::Start(
      {.argv = std::move(argv), .output_path = dir_.File("redis.log")});
  if (!process.ok()) return process.status();
  process_ = *std::move(process);
  const bool answers = Eventually(
      [&] { return !process_->running() || AnswersPing(socket_path()); });
  if (!answers || !process_->running()) {
    return absl::InternalError(
        absl::StrCat("redis-server does not answer: ", process_->output()));
  }
  return absl::OkStatus();
}

void RedisServer::Pause() { process_->Signal(SIGSTOP).IgnoreError(); }
void RedisServer::Resume() { process_->Signal(SIGCONT).IgnoreError(); }

std::string RedisServer::Cli(const std::vector<std::string>& command) const {
  std::vector<std::string> argv = {"redis-cli", "-s", socket_path()};
  argv.insert(argv.end(), command.begin(), command.end());
  auto result = RunCommand(std::move(argv));
  if (!result.ok()) return result.status().ToString();
  return std::string(absl::StripTrailingAsciiWhitespace(result->output));
}

}  // namespace mitra::testing
