#include "common/redis/hiredis_client.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <random>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"

namespace mitra::redis {
namespace {

// Commands are formatted only as fast as the socket takes them.
constexpr size_t kMaxOutputBytes = size_t{1} << 20;
constexpr size_t kReadBytes = size_t{64} << 10;
// A connection that lived this long and is closed while idle was not at fault.
constexpr absl::Duration kHealthyLife = absl::Seconds(1);

struct Address {
  std::string path;  // unix socket, or
  std::string host;
  int port = 0;
};

absl::StatusOr<Address> ParseTarget(absl::string_view target) {
  Address address;
  absl::string_view rest = target;
  if (absl::ConsumePrefix(&rest, "unix:")) {
    address.path = std::string(rest);
    if (!rest.empty() && rest.size() < 108) return address;
  } else if (const size_t colon = rest.rfind(':');
             colon != absl::string_view::npos) {
    absl::string_view host = rest.substr(0, colon);
    if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
    address.host = std::string(host);
    if (!host.empty() &&
        absl::SimpleAtoi(rest.substr(colon + 1), &address.port) &&
        address.port > 0 && address.port < 65536) {
      return address;
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("target: must be unix:/path or host:port, is ", target));
}

absl::Status Validate(const HiredisClient::Options& o) {
  const auto positive = [](absl::Duration d) {
    return d > absl::ZeroDuration() && d < absl::InfiniteDuration();
  };
  if (absl::Status s = ParseTarget(o.target).status(); !s.ok()) return s;
  if (o.connections < 1 || o.connections > 64) {
    return absl::InvalidArgumentError("connections: must be 1 to 64");
  }
  if (!o.username.empty() && o.password.empty()) {
    return absl::InvalidArgumentError("username: needs a password");
  }
  if (o.database < 0) {
    return absl::InvalidArgumentError("database: must be >= 0");
  }
  if (!positive(o.connect_timeout) || !positive(o.command_timeout)) {
    return absl::InvalidArgumentError(
        "connect_timeout, command_timeout: must be positive and finite");
  }
  if (!positive(o.backoff_min) || !positive(o.backoff_max) ||
      o.backoff_min > o.backoff_max) {
    return absl::InvalidArgumentError(
        "backoff_min, backoff_max: must be positive and in order");
  }
  if (o.breaker_failures < 1 || o.max_commands < 1 || o.max_bytes < 1 ||
      o.max_reply_bytes < 1) {
    return absl::InvalidArgumentError(
        "breaker_failures, max_commands, max_bytes, max_reply_bytes: must be "
        ">= 1");
  }
  return absl::OkStatus();
}

Reply ToReply(const redisReply& raw) {
  switch (raw.type) {
    case REDIS_REPLY_NIL:
      return Reply::Nil();
    case REDIS_REPLY_INTEGER:
      return Reply::Integer(raw.integer);
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      return Reply::String(std::string(raw.str, raw.len));
    case REDIS_REPLY_ARRAY: {
      std::vector<Reply> elements;
      elements.reserve(raw.elements);
      for (size_t i = 0; i < raw.elements; ++i) {
        elements.push_back(ToReply(*raw.element[i]));
      }
      return Reply::Array(std::move(elements));
    }
    default:
      return Reply::Error(std::string(raw.str, raw.len));
  }
}

// The server says that it cannot serve anybody now.
bool IsUnfit(const Reply& reply) {
  const absl::string_view code = reply.error_code();
  return code == "READONLY" || code == "LOADING" || code == "MASTERDOWN";
}

size_t BytesOf(const std::vector<std::string>& args) {
  size_t bytes = 0;
  for (const std::string& arg : args) bytes += arg.size();
  return bytes;
}

bool AppendCommand(const std::vector<std::string>& args, std::string& output) {
  std::vector<const char*> data;
  std::vector<size_t> sizes;
  for (const std::string& arg : args) {
    data.push_back(arg.data());
    sizes.push_back(arg.size());
  }
  char* command = nullptr;
  const int size = redisFormatCommandArgv(
      &command, static_cast<int>(args.size()), data.data(), sizes.data());
  if (size < 0) return false;
  output.append(command, static_cast<size_t>(size));
  redisFreeCommand(command);
  return true;
}

}  // namespace

// One connection and its thread. Everything without a lock belongs to that
// thread.
class HiredisClient::Connection {
 public:
  explicit Connection(const Options& options)
      : options_(options),
        address_(*ParseTarget(options.target)),
        wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        thread_([this] { Run(); }) {}

  ~Connection() {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    Wake();
    thread_.join();
    close(wake_fd_);
  }

  bool open() const { return breaker_open_.load(std::memory_order_relaxed); }

  void Execute(std::vector<std::string> args, absl::Time deadline,
               Done<absl::StatusOr<Reply>> done) {
    Command command;
    command.asked = absl::Now();
    command.deadline =
        std::min(deadline, command.asked + options_.command_timeout);
    command.bytes = BytesOf(args);
    command.args = std::move(args);
    command.done = std::move(done);
    if (absl::Status refused = Admit(command); !refused.ok()) {
      Answer(command, refused);
      return;
    }
    bool wake = false;
    bool stopping = false;
    {
      absl::MutexLock lock(&mutex_);
      stopping = stopping_;
      if (!stopping) {
        wake = queue_.empty();
        queue_.push_back(std::move(command));
      }
    }
    if (stopping) {
      Release(command);  // NOLINT(bugprone-use-after-move): it was not moved
      Answer(command, absl::CancelledError("redis: client is closing"));
    } else if (wake) {
      Wake();
    }
  }

 private:
  struct Command {
    std::vector<std::string> args;
    absl::Time asked;
    absl::Time sent;
    absl::Time deadline;
    size_t bytes = 0;
    // Part of the set-up of a connection.
    bool setup = false;
    Done<absl::StatusOr<Reply>> done;  // empty: answered already
    std::string name;                  // args[0], once args are sent
  };
  enum class State { kDown, kConnecting, kSetup, kReady };

  absl::Status Admit(const Command& command) {
    if (command.args.empty()) {
      return absl::InvalidArgumentError("redis: empty command");
    }
    if (open()) return absl::UnavailableError("redis: is away");
    if (command.deadline <= command.asked) {
      return absl::DeadlineExceededError("redis: no time left");
    }
    // Taken first and given back, so that the bounds hold between threads.
    const size_t count = commands_.fetch_add(1) + 1;
    const size_t bytes = bytes_.fetch_add(command.bytes) + command.bytes;
    if (count > options_.max_commands || bytes > options_.max_bytes) {
      Release(command);
      return absl::ResourceExhaustedError("redis: too many commands wait");
    }
    return absl::OkStatus();
  }

  void Release(const Command& command) {
    commands_.fetch_sub(1);
    bytes_.fetch_sub(command.bytes);
  }

  void Answer(Command& command, absl::StatusOr<Reply> reply) {
    if (!command.done) return;
    if (options_.hooks.on_command && !command.setup) {
      const absl::StatusCode outcome =
          reply.ok() ? StatusOf(*reply).code() : reply.status().code();
      options_.hooks.on_command(
          command.args.empty() ? command.name : command.args.front(),
          absl::Now() - command.asked, outcome);
    }
    const auto done = std::exchange(command.done, nullptr);
    done(std::move(reply));
  }

  // Answers a command that was admitted and is leaving the queues.
  void Finish(Command& command, absl::StatusOr<Reply> reply) {
    if (!command.setup) Release(command);
    Answer(command, std::move(reply));
  }

  void Wake() {
    const uint64_t one = 1;
    (void)!write(wake_fd_, &one, sizeof(one));
  }

  void Run();
  void TakeQueue();
  void Expire(absl::Time now);
  void StartConnecting(absl::Time now);
  void FinishConnecting();
  void Setup();
  void SendWaiting(absl::Time now);
  void Push(Command command, absl::Time now);
  void Write();
  void Read();
  void ParseReplies();
  void Handle(Reply reply);
  void Poll(absl::Time now);
  absl::Time NextWake() const;
  bool IsOverdue() const {
    return !in_flight_.empty() &&
           absl::Now() - in_flight_.front().sent >= options_.command_timeout;
  }
  void Fail(absl::string_view reason, const absl::Status& status);
  void FailWaiting(const absl::Status& status);
  void CloseContext();
  absl::Duration Backoff();

  const Options& options_;
  const Address address_;
  const int wake_fd_;

  absl::Mutex mutex_;
  std::vector<Command> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<size_t> commands_{0};
  std::atomic<size_t> bytes_{0};
  std::atomic<bool> breaker_open_{false};

  bool stop_ = false;
  State state_ = State::kDown;
  redisContext* context_ = nullptr;
  std::string output_;
  size_t written_ = 0;
  std::deque<Command> waiting_;    // not sent
  std::deque<Command> in_flight_;  // sent, in the order of their replies
  // No command's deadline is before this.
  absl::Time next_expiry_ = absl::InfiniteFuture();
  absl::Time next_attempt_ = absl::InfinitePast();
  absl::Time connect_deadline_ = absl::InfiniteFuture();
  absl::Time ready_since_;
  int setup_left_ = 0;
  size_t reply_bytes_ = 0;  // read of a reply that is not complete
  int failures_ = 0;
  std::minstd_rand random_{std::random_device{}()};
  std::vector<char> read_buffer_ = std::vector<char>(kReadBytes);

  std::thread thread_;
};

void HiredisClient::Connection::Run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  while (true) {
    TakeQueue();
    if (stop_) break;
    absl::Time now = absl::Now();
    Expire(now);
    if (state_ == State::kDown && now >= next_attempt_) StartConnecting(now);
    if (state_ == State::kReady) SendWaiting(now);
    if (!output_.empty() && state_ >= State::kSetup) Write();
    Poll(absl::Now());
  }
  CloseContext();
  const absl::Status closing = absl::CancelledError("redis: client is closing");
  for (Command& command : in_flight_) Finish(command, closing);
  in_flight_.clear();
  FailWaiting(closing);
}

void HiredisClient::Connection::TakeQueue() {
  std::vector<Command> taken;
  {
    absl::MutexLock lock(&mutex_);
    taken.swap(queue_);
    stop_ = stopping_;
  }
  for (Command& command : taken) {
    next_expiry_ = std::min(next_expiry_, command.deadline);
    waiting_.push_back(std::move(command));
  }
  if (open()) FailWaiting(absl::UnavailableError("redis: is away"));
}

// Answers those whose time has passed. One that was sent keeps its place until
// its reply has come and is thrown away.
void HiredisClient::Connection::Expire(absl::Time now) {
  if (now < next_expiry_) return;
  const absl::Status late = absl::DeadlineExceededError("redis: no answer");
  std::vector<Command> expired;
  next_expiry_ = absl::InfiniteFuture();
  std::deque<Command> kept;
  for (Command& command : waiting_) {
    if (command.deadline <= now) {
      expired.push_back(std::move(command));
    } else {
      next_expiry_ = std::min(next_expiry_, command.deadline);
      kept.push_back(std::move(command));
    }
  }
  waiting_.swap(kept);
  // A caller may give up sooner than we do; what ran into our own time-out
  // condemns the connection.
  bool overdue = false;
  for (Command& command : in_flight_) {
    if (!command.done) continue;
    if (command.deadline <= now) {
      overdue = overdue ||
                command.deadline - command.asked >= options_.command_timeout;
      if (overdue) break;
      Answer(command, late);
    } else {
      next_expiry_ = std::min(next_expiry_, command.deadline);
    }
  }
  for (Command& command : expired) Finish(command, late);
  if (overdue) Fail("timeout", late);
}

void HiredisClient::Connection::StartConnecting(absl::Time now) {
  context_ = address_.path.empty()
                 ? redisConnectNonBlock(address_.host.c_str(), address_.port)
                 : redisConnectUnixNonBlock(address_.path.c_str());
  if (context_ == nullptr || context_->err != 0) {
    Fail("refused", absl::UnavailableError("redis: cannot be reached"));
    return;
  }
  state_ = State::kConnecting;
  connect_deadline_ = now + options_.connect_timeout;
}

void HiredisClient::Connection::FinishConnecting() {
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(context_->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ||
      error != 0) {
    Fail("refused", absl::UnavailableError("redis: cannot be reached"));
    return;
  }
  if (address_.path.empty()) {
    const int on = 1;
    setsockopt(context_->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    redisEnableKeepAlive(context_);
  }
  Setup();
}

void HiredisClient::Connection::Setup() {
  std::vector<std::vector<std::string>> commands;
  if (!options_.password.empty()) {
    commands.push_back({"AUTH"});
    if (!options_.username.empty()) {
      commands.back().push_back(options_.username);
    }
    commands.back().push_back(options_.password);
  }
  if (options_.database != 0) {
    commands.push_back({"SELECT", absl::StrCat(options_.database)});
  }
  commands.push_back({"PING"});
  state_ = State::kSetup;
  setup_left_ = static_cast<int>(commands.size());
  const absl::Time now = absl::Now();
  for (auto& args : commands) {
    Command command;
    command.args = std::move(args);
    command.setup = true;
    command.deadline = absl::InfiniteFuture();
    Push(std::move(command), now);
  }
  Write();
}

void HiredisClient::Connection::SendWaiting(absl::Time now) {
  while (!waiting_.empty() && output_.size() - written_ < kMaxOutputBytes) {
    Command command = std::move(waiting_.front());
    waiting_.pop_front();
    Push(std::move(command), now);
  }
}

void HiredisClient::Connection::Push(Command command, absl::Time now) {
  if (!AppendCommand(command.args, output_)) {
    Finish(command, absl::ResourceExhaustedError("redis: command too large"));
    return;
  }
  command.name = std::move(command.args.front());
  command.args = {};
  command.sent = now;
  in_flight_.push_back(std::move(command));
}

void HiredisClient::Connection::Write() {
  while (written_ < output_.size()) {
    const ssize_t n = send(context_->fd, output_.data() + written_,
                           output_.size() - written_, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (n < 0) {
      Fail("broken", absl::UnavailableError("redis: connection broke"));
      return;
    }
    written_ += static_cast<size_t>(n);
  }
  if (written_ < output_.size()) {
    // Under steady load the buffer might never be empty.
    if (written_ > kMaxOutputBytes) {
      output_.erase(0, written_);
      written_ = 0;
    }
    return;
  }
  output_.clear();
  if (output_.capacity() > 2 * kMaxOutputBytes) output_.shrink_to_fit();
  written_ = 0;
}

void HiredisClient::Connection::Read() {
  while (context_ != nullptr) {
    const ssize_t n =
        recv(context_->fd, read_buffer_.data(), read_buffer_.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (n <= 0) {
      const bool idle = state_ == State::kReady && in_flight_.empty() &&
                        absl::Now() - ready_since_ > kHealthyLife;
      Fail(idle ? "idle" : "broken",
           absl::UnavailableError("redis: connection broke"));
      return;
    }
    redisReaderFeed(context_->reader, read_buffer_.data(),
                    static_cast<size_t>(n));
    ParseReplies();
    if (context_ != nullptr && context_->reader->len - context_->reader->pos >
                                   options_.max_reply_bytes) {
      Fail("protocol", absl::UnavailableError("redis: reply too large"));
    }
    if (static_cast<size_t>(n) < read_buffer_.size()) return;
  }
}

void HiredisClient::Connection::ParseReplies() {
  while (context_ != nullptr) {
    void* raw = nullptr;
    if (redisReaderGetReply(context_->reader, &raw) != REDIS_OK) {
      Fail("protocol", absl::UnavailableError("redis: broken reply"));
      return;
    }
    if (raw == nullptr) return;
    reply_bytes_ = context_->reader->len - context_->reader->pos;
    Reply reply = ToReply(*static_cast<redisReply*>(raw));
    freeReplyObject(raw);
    Handle(std::move(reply));
  }
}

void HiredisClient::Connection::Handle(Reply reply) {
  if (in_flight_.empty()) {
    Fail("protocol", absl::UnavailableError("redis: reply without a question"));
    return;
  }
  Command command = std::move(in_flight_.front());
  in_flight_.pop_front();
  if (command.setup) {
    if (reply.is_error()) {
      Fail("unfit",
           absl::UnavailableError(absl::StrCat("redis: ", command.name, ": ",
                                               StatusOf(reply).message())));
    } else if (--setup_left_ == 0) {
      state_ = State::kReady;
      ready_since_ = absl::Now();
      if (open()) {
        // Not forgotten: one more failure opens it again.
        failures_ = options_.breaker_failures - 1;
        breaker_open_ = false;
        if (options_.hooks.on_breaker) options_.hooks.on_breaker(false);
      }
    }
    return;
  }
  if (IsUnfit(reply)) {
    const absl::Status unfit = StatusOf(reply);
    Finish(command, unfit);
    Fail("unfit", unfit);
    return;
  }
  failures_ = 0;
  Finish(command, std::move(reply));
}

absl::Time HiredisClient::Connection::NextWake() const {
  absl::Time wake = next_expiry_;
  if (state_ == State::kDown) wake = std::min(wake, next_attempt_);
  if (state_ == State::kConnecting) wake = std::min(wake, connect_deadline_);
  if (!in_flight_.empty()) {
    wake = std::min(wake, in_flight_.front().sent + options_.command_timeout);
  }
  return wake;
}

void HiredisClient::Connection::Poll(absl::Time now) {
  pollfd fds[2] = {{wake_fd_, POLLIN, 0}, {-1, 0, 0}};
  if (context_ != nullptr) {
    const bool wants_to_write =
        state_ == State::kConnecting || written_ < output_.size();
    fds[1] = {context_->fd,
              static_cast<short>(POLLIN | (wants_to_write ? POLLOUT : 0)), 0};
  }
  const absl::Duration wait =
      std::clamp(NextWake() - now, absl::ZeroDuration(), absl::Seconds(60));
  const timespec timeout = absl::ToTimespec(wait);
  ppoll(fds, 2, &timeout, nullptr);
  if (fds[0].revents != 0) {
    uint64_t ignored;
    (void)!read(wake_fd_, &ignored, sizeof(ignored));
  }
  if (context_ == nullptr) return;
  if (state_ == State::kConnecting) {
    if (fds[1].revents != 0) {
      FinishConnecting();
    } else if (absl::Now() >= connect_deadline_) {
      Fail("timeout", absl::UnavailableError("redis: cannot be reached"));
    }
    return;
  }
  if ((fds[1].revents & ~POLLOUT) != 0) Read();
  // Replies may have come while callbacks ran; look before calling them late.
  if (IsOverdue()) Read();
  if (IsOverdue()) {
    Fail("timeout", absl::DeadlineExceededError("redis: no answer"));
  }
}

void HiredisClient::Connection::CloseContext() {
  if (context_ != nullptr) redisFree(context_);
  context_ = nullptr;
  state_ = State::kDown;
  output_.clear();
  written_ = 0;
  reply_bytes_ = 0;
}

void HiredisClient::Connection::Fail(absl::string_view reason,
                                     const absl::Status& status) {
  const bool was_ready = state_ == State::kReady;
  CloseContext();
  if (reason != "idle") ++failures_;
  next_attempt_ = absl::Now() + Backoff();
  const bool opens = failures_ >= options_.breaker_failures && !open();
  if (opens) breaker_open_ = true;
  std::deque<Command> lost;
  lost.swap(in_flight_);
  if (options_.hooks.on_close) options_.hooks.on_close(reason);
  if (opens && options_.hooks.on_breaker) options_.hooks.on_breaker(true);
  for (Command& command : lost) Finish(command, status);
  // Without a connection before, those that wait would wait in vain.
  if (!was_ready || open()) FailWaiting(status);
}

void HiredisClient::Connection::FailWaiting(const absl::Status& status) {
  std::deque<Command> lost;
  lost.swap(waiting_);
  for (Command& command : lost) Finish(command, status);
}

absl::Duration HiredisClient::Connection::Backoff() {
  if (failures_ <= 1) return absl::ZeroDuration();
  const int doublings = std::min(failures_ - 2, 20);
  const absl::Duration grown = std::min(
      options_.backoff_max, options_.backoff_min * (int64_t{1} << doublings));
  return grown * std::uniform_real_distribution<>(0.75, 1.25)(random_);
}

absl::StatusOr<std::unique_ptr<HiredisClient>> HiredisClient::Create(
    Options options) {
  if (absl::Status status = Validate(options); !status.ok()) return status;
  return std::unique_ptr<HiredisClient>(new HiredisClient(std::move(options)));
}

HiredisClient::HiredisClient(Options options) : options_(std::move(options)) {
  for (int i = 0; i < options_.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(options_));
  }
}

HiredisClient::~HiredisClient() = default;

void HiredisClient::Execute(std::vector<std::string> args, absl::Time deadline,
                            Done<absl::StatusOr<Reply>> done) {
  const size_t count = connections_.size();
  const size_t first = next_.fetch_add(1, std::memory_order_relaxed) % count;
  size_t chosen = first;
  for (size_t i = 0; i < count; ++i) {
    if (!connections_[(first + i) % count]->open()) {
      chosen = (first + i) % count;
      break;
    }
  }
  connections_[chosen]->Execute(std::move(args), deadline, std::move(done));
}

bool HiredisClient::available() const {
  for (const auto& connection : connections_) {
    if (!connection->open()) return true;
  }
  return false;
}

}  // namespace mitra::redis
