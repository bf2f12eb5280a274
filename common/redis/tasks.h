// The Redis client for coroutines.
//
//   auto slate = co_await redis::Get(client, key, deadline);
//
// After co_await the coroutine goes on on the client's own thread, where every
// other answer waits behind it: before work of more than some microseconds,
// move on with rpc::Executor::Enter().

#ifndef MITRA_COMMON_REDIS_TASKS_H_
#define MITRA_COMMON_REDIS_TASKS_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/redis/client.h"
#include "common/rpc/task.h"

namespace mitra::redis {

// Each does what Client's method of that name does. `client` must outlive the
// task.

inline rpc::Task<absl::StatusOr<Reply>> Execute(Client& client,
                                                std::vector<std::string> args,
                                                absl::Time deadline) {
  using Result = absl::StatusOr<Reply>;
  auto start = [&](std::function<void(Result)> done) {
    client.Execute(std::move(args), deadline, std::move(done));
  };
  co_return co_await rpc::Callback<Result>(start);
}

inline rpc::Task<absl::StatusOr<std::optional<std::string>>> Get(
    Client& client, std::string key, absl::Time deadline) {
  using Result = absl::StatusOr<std::optional<std::string>>;
  auto start = [&](std::function<void(Result)> done) {
    client.Get(std::move(key), deadline, std::move(done));
  };
  co_return co_await rpc::Callback<Result>(start);
}

inline rpc::Task<absl::StatusOr<std::vector<std::optional<std::string>>>>
GetMany(Client& client, std::vector<std::string> keys, absl::Time deadline) {
  using Result = absl::StatusOr<std::vector<std::optional<std::string>>>;
  auto start = [&](std::function<void(Result)> done) {
    client.GetMany(std::move(keys), deadline, std::move(done));
  };
  co_return co_await rpc::Callback<Result>(start);
}

inline rpc::Task<absl::Status> SetWithTtl(Client& client, std::string key,
                                          std::string value, absl::Duration ttl,
                                          absl::Time deadline) {
  auto start = [&](std::function<void(absl::Status)> done) {
    client.SetWithTtl(std::move(key), std::move(value), ttl, deadline,
                      std::move(done));
  };
  co_return co_await rpc::Callback<absl::Status>(start);
}

inline rpc::Task<absl::StatusOr<bool>> SetIfNewer(
    Client& client, std::string key, uint64_t revision, std::string value,
    absl::Duration ttl, absl::Time deadline) {
  using Result = absl::StatusOr<bool>;
  auto start = [&](std::function<void(Result)> done) {
    client.SetIfNewer(std::move(key), revision, std::move(value), ttl, deadline,
                      std::move(done));
  };
  co_return co_await rpc::Callback<Result>(start);
}

inline rpc::Task<absl::StatusOr<std::optional<Versioned>>> GetVersioned(
    Client& client, std::string key, absl::Time deadline) {
  using Result = absl::StatusOr<std::optional<Versioned>>;
  auto start = [&](std::function<void(Result)> done) {
    client.GetVersioned(std::move(key), deadline, std::move(done));
  };
  co_return co_await rpc::Callback<Result>(start);
}

inline rpc::Task<absl::StatusOr<int64_t>> Unlink(Client& client,
                                                 std::vector<std::string> keys,
                                                 absl::Time deadline) {
  using Result = absl::StatusOr<int64_t>;
  auto start = [&](std::function<void(Result)> done) {
    client.Unlink(std::move(keys), deadline, std::move(done));
  };
  co_return co_await rpc::Callback<Result>(start);
}

inline rpc::Task<absl::StatusOr<Reply>> Eval(Client& client,
                                             const Script& script,
                                             std::vector<std::string> keys,
                                             std::vector<std::string> args,
                                             absl::Time deadline) {
  using Result = absl::StatusOr<Reply>;
  auto start = [&](std::function<void(Result)> done) {
    client.Eval(script, std::move(keys), std::move(args), deadline,
                std::move(done));
  };
  co_return co_await rpc::Callback<Result>(start);
}

}  // namespace mitra::redis

#endif  // MITRA_COMMON_REDIS_TASKS_H_
