// For the thread sanitizer only: Debian's Abseil and gRPC are not built with
// it, so it does not see that their mutexes order anything. These stand before
// the library's own functions in every program and tell it.

#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <cstddef>
#include <cstdint>

#define MITRA_UNSEEN extern "C" __attribute__((no_sanitize("thread")))

namespace {

// As absl::Time and absl::Duration are passed.
struct Moment {
  int64_t high;
  uint32_t low;
};

}  // namespace

#define MITRA_REAL(symbol, type) \
  using Real = type;             \
  static Real real = reinterpret_cast<Real>(dlsym(RTLD_NEXT, #symbol))

// Conditions are evaluated inside the library, under the lock, before it is
// seen to be taken.
static char any_mutex;
// And what they read was read before anybody changes it under the lock.
static char any_condition;
// What was prepared for an operation is there for whoever takes its tag.
static char any_queue;

#define MITRA_ACQUIRES(symbol)            \
  MITRA_UNSEEN void symbol(void* mutex) { \
    MITRA_REAL(symbol, void (*)(void*));  \
    real(mutex);                          \
    __tsan_acquire(mutex);                \
    __tsan_acquire(&any_condition);       \
  }
#define MITRA_TRIES(symbol)               \
  MITRA_UNSEEN bool symbol(void* mutex) { \
    MITRA_REAL(symbol, bool (*)(void*));  \
    const bool taken = real(mutex);       \
    if (taken) __tsan_acquire(mutex);     \
    return taken;                         \
  }
#define MITRA_RELEASES(symbol)            \
  MITRA_UNSEEN void symbol(void* mutex) { \
    MITRA_REAL(symbol, void (*)(void*));  \
    __tsan_release(mutex);                \
    __tsan_release(&any_mutex);           \
    real(mutex);                          \
  }
#define MITRA_WAITS(symbol)                                      \
  MITRA_UNSEEN void symbol(void* mutex, const void* condition) { \
    MITRA_REAL(symbol, void (*)(void*, const void*));            \
    __tsan_release(mutex);                                       \
    __tsan_release(&any_mutex);                                  \
    real(mutex, condition);                                      \
    __tsan_acquire(mutex);                                       \
    __tsan_acquire(&any_condition);                              \
  }
#define MITRA_WAITS_UNTIL(symbol)                                            \
  MITRA_UNSEEN bool symbol(void* mutex, const void* condition, Moment end) { \
    MITRA_REAL(symbol, bool (*)(void*, const void*, Moment));                \
    __tsan_release(mutex);                                                   \
    __tsan_release(&any_mutex);                                              \
    const bool met = real(mutex, condition, end);                            \
    __tsan_acquire(mutex);                                                   \
    __tsan_acquire(&any_condition);                                          \
    return met;                                                              \
  }

MITRA_ACQUIRES(_ZN4absl7debian35Mutex4LockEv)
MITRA_ACQUIRES(_ZN4absl7debian35Mutex10ReaderLockEv)
MITRA_TRIES(_ZN4absl7debian35Mutex7TryLockEv)
MITRA_TRIES(_ZN4absl7debian35Mutex13ReaderTryLockEv)
MITRA_RELEASES(_ZN4absl7debian35Mutex6UnlockEv)
MITRA_RELEASES(_ZN4absl7debian35Mutex12ReaderUnlockEv)
MITRA_WAITS(_ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE)
MITRA_WAITS(_ZN4absl7debian35Mutex8LockWhenERKNS0_9ConditionE)
MITRA_WAITS(_ZN4absl7debian35Mutex14ReaderLockWhenERKNS0_9ConditionE)
MITRA_WAITS_UNTIL(
    _ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE)
MITRA_WAITS_UNTIL(
    _ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE)
MITRA_WAITS_UNTIL(
    _ZN4absl7debian35Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE)
MITRA_WAITS_UNTIL(
    _ZN4absl7debian35Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE)

MITRA_UNSEEN bool _ZNK4absl7debian39Condition4EvalEv(const void* condition) {
  MITRA_REAL(_ZNK4absl7debian39Condition4EvalEv, bool (*)(const void*));
  __tsan_acquire(&any_mutex);
  const bool holds = real(condition);
  __tsan_release(&any_condition);
  return holds;
}

// gRPC's core, as its C++ library calls it.
struct QueueEvent {
  int type;
  int success;
  void* tag;
};

MITRA_UNSEEN int grpc_call_start_batch(void* call, const void* ops,
                                       size_t count, void* tag,
                                       void* reserved) {
  MITRA_REAL(grpc_call_start_batch,
             int (*)(void*, const void*, size_t, void*, void*));
  __tsan_release(&any_queue);
  return real(call, ops, count, tag, reserved);
}
MITRA_UNSEEN int grpc_server_request_call(void* server, void** call,
                                          void* details, void* metadata,
                                          void* bound_to, void* queue,
                                          void* tag) {
  MITRA_REAL(grpc_server_request_call,
             int (*)(void*, void**, void*, void*, void*, void*, void*));
  __tsan_release(&any_queue);
  return real(server, call, details, metadata, bound_to, queue, tag);
}

struct Timespec {
  int64_t seconds;
  int32_t nanos;
  int clock;
};
MITRA_UNSEEN QueueEvent grpc_completion_queue_next(void* queue, Timespec end,
                                                   void* reserved) {
  MITRA_REAL(grpc_completion_queue_next, QueueEvent(*)(void*, Timespec, void*));
  const QueueEvent event = real(queue, end, reserved);
  __tsan_acquire(&any_queue);
  return event;
}
