// The Redis client: one thread and one connection each, all commands that wait
// go out together, answers are read in order (pipelining without asking).

#ifndef MITRA_COMMON_REDIS_HIREDIS_CLIENT_H_
#define MITRA_COMMON_REDIS_HIREDIS_CLIENT_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/redis/client.h"

namespace mitra::redis {

// What a client tells about itself, for metrics. Called on its threads; must be
// quick and thread-safe. Empty functions are not called.
struct Hooks {
  // A command has ended: its name, the time since Execute(), the outcome.
  std::function<void(absl::string_view command, absl::Duration latency,
                     absl::StatusCode outcome)>
      on_command;
  // A connection was given up. `reason` is one of "refused", "timeout",
  // "broken", "protocol", "unfit" (READONLY, LOADING, bad credentials) and
  // "idle" (closed by the server while nothing was asked).
  std::function<void(absl::string_view reason)> on_close;
  // A connection's breaker has opened or closed.
  std::function<void(bool open)> on_breaker;
};

// Thread-safe. A connection that failed in any way is closed, everything in
// flight on it fails, and nothing that it may still bring is ever read. A new
// one is set up from the start: time-outs, AUTH, SELECT, then a PING that must
// be answered before any command is sent. Delays between attempts grow from
// `backoff_min` to `backoff_max`; the first attempt after a good connection is
// made at once. After `breaker_failures` failures in a row without an answered
// command in between, commands are refused at once (UNAVAILABLE) until an
// attempt has brought the PING back; attempts go on without being asked.
//
// A command whose own deadline passes is answered DEADLINE_EXCEEDED then, and
// its reply is thrown away when it comes; the connection is closed as soon as
// any command has had no reply for `command_timeout`.
class HiredisClient final : public Client {
 public:
  struct Options {
    // "unix:/path", "host:port" or "[v6]:port".
    std::string target;
    // Empty: no AUTH. `username` needs a password.
    std::string username;
    std::string password;
    int database = 0;
    // Connections, each with a thread. Commands of one thread are carried out
    // in the order given only with 1.
    int connections = 1;
    absl::Duration connect_timeout = absl::Milliseconds(20);
    absl::Duration command_timeout = absl::Milliseconds(20);
    // Per connection: commands, and bytes of their arguments, that may be
    // waiting or in flight.
    size_t max_commands = 10'000;
    size_t max_bytes = size_t{64} << 20;
    // A reply beyond this closes the connection.
    size_t max_reply_bytes = size_t{64} << 20;
    int breaker_failures = 5;
    absl::Duration backoff_min = absl::Milliseconds(10);
    absl::Duration backoff_max = absl::Seconds(1);
    Hooks hooks;
  };

  // Starts connecting. INVALID_ARGUMENT, naming the option, if one is outside
  // its range; never fails because Redis is away.
  static absl::StatusOr<std::unique_ptr<HiredisClient>> Create(Options options);
  // Fails what is not answered yet with CANCELLED. Not to be called from a
  // callback.
  ~HiredisClient() override;

  void Execute(std::vector<std::string> args, absl::Time deadline,
               Done<absl::StatusOr<Reply>> done) override;
  bool available() const override;

 private:
  class Connection;

  explicit HiredisClient(Options options);

  const Options options_;
  std::atomic<size_t> next_{0};
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace mitra::redis

#endif  // MITRA_COMMON_REDIS_HIREDIS_CLIENT_H_
