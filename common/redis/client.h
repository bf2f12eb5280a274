// Redis as Mitra sees it: a cache that may be slow, empty or away at any time,
// and must never be wrong. Nothing that is kept there is a fact.
//
// Commands are given as lists of arguments, each of any bytes; nothing is ever
// formatted or split. Answers come to a callback; common/redis/tasks.h has the
// same for coroutines.

#ifndef MITRA_COMMON_REDIS_CLIENT_H_
#define MITRA_COMMON_REDIS_CLIENT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mitra::redis {

// One answer. A plain value.
struct Reply {
  enum class Type { kNil, kInteger, kString, kArray, kError };

  Type type = Type::kNil;
  int64_t integer = 0;          // kInteger
  std::string text;             // kString (also "OK"), kError
  std::vector<Reply> elements;  // kArray

  static Reply Nil() { return {}; }
  static Reply Integer(int64_t value) {
    return {Type::kInteger, value, {}, {}};
  }
  static Reply String(std::string value) {
    return {Type::kString, 0, std::move(value), {}};
  }
  static Reply Array(std::vector<Reply> value) {
    return {Type::kArray, 0, {}, std::move(value)};
  }
  static Reply Error(std::string value) {
    return {Type::kError, 0, std::move(value), {}};
  }

  bool is_nil() const { return type == Type::kNil; }
  bool is_error() const { return type == Type::kError; }
  // The first word of an error, such as "WRONGTYPE"; empty for others.
  absl::string_view error_code() const;

  friend bool operator==(const Reply& a, const Reply& b) {
    return a.type == b.type && a.integer == b.integer && a.text == b.text &&
           a.elements == b.elements;
  }
};

// What an error answer means. Only its code is kept: the text may quote keys
// and values. OOM is RESOURCE_EXHAUSTED; WRONGTYPE FAILED_PRECONDITION;
// NOSCRIPT NOT_FOUND; NOAUTH, WRONGPASS, NOPERM PERMISSION_DENIED; LOADING,
// READONLY, MASTERDOWN, CLUSTERDOWN, BUSY, TRYAGAIN UNAVAILABLE; others
// INTERNAL. OK for an answer that is no error.
absl::Status StatusOf(const Reply& reply);

// INTERNAL: the server sent a type of answer that the command cannot have.
absl::Status UnexpectedReply(absl::string_view command, const Reply& reply);

// A Lua script with its digest. Make one per script, for the life of the
// process.
class Script {
 public:
  explicit Script(std::string body);
  const std::string& body() const { return body_; }
  // 40 hex digits.
  const std::string& sha1() const { return sha1_; }

 private:
  std::string body_;
  std::string sha1_;
};

// A value that was written with a revision.
struct Versioned {
  uint64_t revision = 0;
  std::string value;

  friend bool operator==(const Versioned&, const Versioned&) = default;
};

// The form in which SetIfNewer keeps a value: the revision as 8 bytes, highest
// first, then the value. Decoding gives nothing for fewer than 8 bytes.
std::string EncodeVersioned(uint64_t revision, absl::string_view value);
std::optional<Versioned> DecodeVersioned(absl::string_view bytes);

// Thread-safe. The implementation is HiredisClient in
// common/redis/hiredis_client.h; tests start a real server with
// tests/support/redis_server.h.
//
// Every callback is called exactly once: on the client's own thread, or on the
// calling thread before the function returns when the command cannot be taken.
// It must be short, since other answers wait behind it. Errors:
// - DEADLINE_EXCEEDED: no answer in time. The command may have been carried
//   out all the same.
// - UNAVAILABLE: Redis is away, or the connection broke meanwhile.
// - RESOURCE_EXHAUSTED: too many commands wait.
// - CANCELLED: the client is being destroyed.
// Commands are never repeated by the client.
class Client {
 public:
  template <typename T>
  using Done = std::function<void(T)>;

  virtual ~Client() = default;

  // Sends one command. An error that the server answers is a Reply, save those
  // that tell that this server cannot serve now (LOADING, READONLY, …), which
  // are UNAVAILABLE.
  virtual void Execute(std::vector<std::string> args, absl::Time deadline,
                       Done<absl::StatusOr<Reply>> done) = 0;

  // False while commands are refused because Redis has failed repeatedly. May
  // be out of date when it returns.
  virtual bool available() const = 0;

  // The value of a string key; nothing if there is none.
  void Get(std::string key, absl::Time deadline,
           Done<absl::StatusOr<std::optional<std::string>>> done);

  // The values of many keys of one slot, in order, in one command.
  void GetMany(
      std::vector<std::string> keys, absl::Time deadline,
      Done<absl::StatusOr<std::vector<std::optional<std::string>>>> done);

  // Value and expiry in one command. The time to live is shortened by up to
  // 10 % at random, so that what was written together does not expire together.
  // INVALID_ARGUMENT if `ttl` is below 1 ms.
  void SetWithTtl(std::string key, std::string value, absl::Duration ttl,
                  absl::Time deadline, Done<absl::Status> done);

  // Writes `value` under `revision` unless a newer revision is there, in one
  // step; what is there and has no revision is replaced. True if written. An
  // invalidation is an empty value under the new revision: it keeps a late
  // writer of older facts out until it expires. Time to live as above.
  void SetIfNewer(std::string key, uint64_t revision, std::string value,
                  absl::Duration ttl, absl::Time deadline,
                  Done<absl::StatusOr<bool>> done);

  // What SetIfNewer wrote. Something without a revision, or of another type,
  // is as good as nothing.
  void GetVersioned(std::string key, absl::Time deadline,
                    Done<absl::StatusOr<std::optional<Versioned>>> done);

  // Removes keys of one slot, freeing their memory in the background; gives
  // how many there were.
  void Unlink(std::vector<std::string> keys, absl::Time deadline,
              Done<absl::StatusOr<int64_t>> done);

  // Runs a script by digest, and by its text if the server does not know it
  // (any more). Its errors are statuses. `keys` must be of one slot. `script`
  // must outlive the call.
  void Eval(const Script& script, std::vector<std::string> keys,
            std::vector<std::string> args, absl::Time deadline,
            Done<absl::StatusOr<Reply>> done);
};

// `ttl` less up to 10 % at random, in whole milliseconds, at least 1 ms.
absl::Duration Jittered(absl::Duration ttl);

}  // namespace mitra::redis

#endif  // MITRA_COMMON_REDIS_CLIENT_H_
