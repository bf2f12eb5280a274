// Task<T>: a coroutine that computes a T, started when it is awaited.
//
// RPC handlers are coroutines: they read like straight code and hold no thread
// while they wait for another service, for the disk or for Redis. A Task is
// move-only and runs on whatever thread resumes it. Awaiting it transfers
// control symmetrically, so long chains do not grow the stack. Exceptions do
// not leave a Task: the RPC server turns one that escapes a handler into
// INTERNAL.
//
// Lifetime rule: a coroutine's reference parameters must outlive it. The server
// keeps CallContext, request and response alive until a handler has finished;
// everything else is passed by value.

#ifndef MITRA_COMMON_RPC_TASK_H_
#define MITRA_COMMON_RPC_TASK_H_

#include <condition_variable>
#include <coroutine>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

namespace mitra::rpc {

template <typename T>
class Task;

namespace internal {

struct FinalAwaiter {
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(
      std::coroutine_handle<Promise> self) noexcept {
    std::coroutine_handle<> next = self.promise().continuation;
    return next ? next : std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> continuation;
  std::exception_ptr exception;

  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() { exception = std::current_exception(); }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;

  Task<T> get_return_object();
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T Take() {
    if (exception) std::rethrow_exception(exception);
    return *std::move(value);
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() {}
  void Take() {
    if (exception) std::rethrow_exception(exception);
  }
};

}  // namespace internal

template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = internal::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  auto operator co_await() && noexcept {
    struct Awaiter {
      Handle handle;
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(
          std::coroutine_handle<> caller) noexcept {
        handle.promise().continuation = caller;
        return handle;
      }
      T await_resume() { return handle.promise().Take(); }
    };
    return Awaiter{handle_};
  }

 private:
  Handle handle_;
};

namespace internal {

template <typename T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

// A coroutine that starts at once and frees itself at its end.
struct Detached {
  struct promise_type {  // NOLINT: the language's name
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

}  // namespace internal

// Starts `task` on this thread and lets go of it. `task` must not throw.
inline void Spawn(Task<void> task) {
  [](Task<void> owned) -> internal::Detached {
    co_await std::move(owned);
  }(std::move(task));
}

// Runs `task` and blocks this thread until it is done. For mains, command-line
// tools and tests; never on a thread that serves RPCs.
template <typename T>
T SyncWait(Task<T> task) {
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    std::optional<T> value;
    std::exception_ptr exception;
  } state;
  [](Task<T> owned, State& out) -> internal::Detached {
    try {
      out.value.emplace(co_await std::move(owned));
    } catch (...) {
      out.exception = std::current_exception();
    }
    std::lock_guard lock(out.mutex);
    out.done = true;
    out.changed.notify_one();
  }(std::move(task), state);
  std::unique_lock lock(state.mutex);
  state.changed.wait(lock, [&] { return state.done; });
  if (state.exception) std::rethrow_exception(state.exception);
  return *std::move(state.value);
}

inline void SyncWait(Task<void> task) {
  (void)SyncWait([](Task<void> owned) -> Task<bool> {
    co_await std::move(owned);
    co_return true;
  }(std::move(task)));
}

// Bridges a callback to a coroutine:
//
//   auto start = [&](std::function<void(absl::Status)> done) {
//     store.Write(row, std::move(done));
//   };
//   absl::Status status = co_await Callback<absl::Status>(start);
//
// `start` is called once; `done` must be called exactly once, from any thread,
// and the coroutine goes on there. `start` is a named variable on purpose: g++
// 12 destroys a closure twice that is a temporary of a co_await expression.
template <typename T, typename Start>
auto Callback(Start& start) {
  struct Awaiter {
    explicit Awaiter(Start& begin) : start(begin) {}
    Start& start;
    std::optional<T> value;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) {
      // `done` may run, and destroy the coroutine with `start` and this
      // awaiter, before the call returns: work on a copy.
      Start begin = start;
      begin(std::function<void(T)>([this, caller](T result) {
        value.emplace(std::move(result));
        caller.resume();
      }));
    }
    T await_resume() { return *std::move(value); }
  };
  return Awaiter(start);
}

}  // namespace mitra::rpc

#endif  // MITRA_COMMON_RPC_TASK_H_
