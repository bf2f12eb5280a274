// One computation per key and process: whoever comes while it runs waits for
// its result, each until its own deadline (field fault: a thousand requests for
// one cold key computed the same thing a thousand times).

#ifndef MITRA_SERVICES_MATCHING_SLATES_SINGLE_FLIGHT_H_
#define MITRA_SERVICES_MATCHING_SLATES_SINGLE_FLIGHT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/call_context.h"
#include "common/rpc/task.h"
#include "services/matching/slates/timer.h"

namespace mitra::matching {

// Thread-safe. T is copied to every waiter, so it is best a shared pointer.
template <typename T>
class SingleFlight {
 public:
  using Result = absl::StatusOr<T>;

  explicit SingleFlight(Timer& timer) : timer_(timer) {}

  // Makes the caller the leader of `key` and returns nothing, or waits for the
  // leader's result. DEADLINE_EXCEEDED or CANCELLED when `call` ends first. A
  // leader must call Finish, whatever happens.
  rpc::Task<std::optional<Result>> Join(rpc::CallContext& call,
                                        std::string key) {
    std::shared_ptr<Waiter> waiter;
    {
      absl::MutexLock lock(&mutex_);
      auto [at, leads] = flights_.try_emplace(key);
      if (leads) co_return std::nullopt;
      waiter = std::make_shared<Waiter>();
      at->second.push_back(waiter);
      ++joined_;
    }
    auto start = [this, waiter,
                  &call](std::function<void(std::optional<Result>)> done) {
      Arm(waiter, call, std::move(done));
    };
    co_return co_await rpc::Callback<std::optional<Result>>(start);
  }

  // Ends the leader's flight. A leader that failed for reasons of its own call
  // (its deadline, its caller gone) does not fail the others: one of them
  // leads next.
  void Finish(const std::string& key, Result result) {
    const bool personal =
        !result.ok() &&
        (result.status().code() == absl::StatusCode::kCancelled ||
         result.status().code() == absl::StatusCode::kDeadlineExceeded);
    if (personal) {
      while (std::shared_ptr<Waiter> next = NextOf(key)) {
        if (next->End(std::nullopt)) return;  // leads now
      }
      return;
    }
    std::vector<std::shared_ptr<Waiter>> waiters;
    {
      absl::MutexLock lock(&mutex_);
      const auto at = flights_.find(key);
      if (at == flights_.end()) return;
      waiters = std::move(at->second);
      flights_.erase(at);
    }
    for (auto& waiter : waiters) waiter->End(std::optional<Result>(result));
  }

  // How many callers have waited so far.
  uint64_t joined() const {
    absl::MutexLock lock(&mutex_);
    return joined_;
  }

 private:
  struct Waiter {
    absl::Mutex mutex;
    std::function<void(std::optional<Result>)> done ABSL_GUARDED_BY(mutex);
    bool over ABSL_GUARDED_BY(mutex) = false;
    std::optional<std::optional<Result>> early ABSL_GUARDED_BY(mutex);
    // True if this was the end.
    bool End(std::optional<Result> result) {
      std::function<void(std::optional<Result>)> call;
      {
        absl::MutexLock lock(&mutex);
        if (over) return false;
        over = true;
        if (!done) {
          early = std::move(result);
          return true;
        }
        call = std::move(done);
      }
      call(std::move(result));
      return true;
    }
  };

  // Takes a waiter out of the flight; ends the flight when there is none.
  std::shared_ptr<Waiter> NextOf(const std::string& key) {
    absl::MutexLock lock(&mutex_);
    const auto at = flights_.find(key);
    if (at == flights_.end()) return nullptr;
    if (at->second.empty()) {
      flights_.erase(at);
      return nullptr;
    }
    std::shared_ptr<Waiter> next = at->second.front();
    at->second.erase(at->second.begin());
    return next;
  }

  void Arm(std::shared_ptr<Waiter> waiter, rpc::CallContext& call,
           std::function<void(std::optional<Result>)> done) {
    const uint64_t alarm = timer_.At(call.deadline, [waiter] {
      waiter->End(
          std::optional<Result>(absl::DeadlineExceededError("deadline")));
    });
    auto finish = [this, alarm,
                   done = std::move(done)](std::optional<Result> result) {
      timer_.Cancel(alarm);
      done(std::move(result));
    };
    std::optional<std::optional<Result>> early;
    {
      absl::MutexLock lock(&waiter->mutex);
      if (waiter->over) {
        early = std::move(waiter->early);
      } else {
        waiter->done = finish;
      }
    }
    if (early) finish(*std::move(early));
  }

  Timer& timer_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::vector<std::shared_ptr<Waiter>>>
      flights_ ABSL_GUARDED_BY(mutex_);
  uint64_t joined_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_SLATES_SINGLE_FLIGHT_H_
