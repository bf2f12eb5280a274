#include "common/base/thread_priority.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>

namespace mitra {
namespace {

constexpr int kNice = 10;
// The shortest that the kernel takes.
constexpr uint64_t kSliceNanos = 100'000;
// How long a thread that gives way goes on at most.
constexpr int64_t kTurnNanos = 300'000;

// As the kernel has it (sched_setattr(2)); glibc 2.36 does not declare it.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = 0;  // SCHED_OTHER
  uint64_t flags = 0;
  int32_t nice = kNice;
  uint32_t priority = 0;
  uint64_t runtime = kSliceNanos;
  uint64_t deadline = 0;
  uint64_t period = 0;
};

// Unknown until it is asked for: threads inherit it.
enum class Way : uint8_t { kUnknown, kTaken, kGiven };
thread_local Way way = Way::kUnknown;

}  // namespace

void LowerThreadPriority() {
  way = Way::kGiven;
  const SchedulingAttributes attributes;
  if (syscall(SYS_sched_setattr, 0, &attributes, 0) == 0) return;
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNice);
}

bool ThisThreadGivesWay() {
  if (way == Way::kUnknown) {
    const int nice =
        getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)));
    way = nice >= kNice ? Way::kGiven : Way::kTaken;
  }
  return way == Way::kGiven;
}

void GiveWay() {
  if (!ThisThreadGivesWay()) return;
  thread_local int64_t yielded = 0;
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  const int64_t now = int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  if (now - yielded < kTurnNanos) return;
  yielded = now;
  sched_yield();
}

}  // namespace mitra
