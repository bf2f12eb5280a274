#include "common/base/thread_priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace mitra {
namespace {

constexpr int kNice = 10;
// The shortest that the kernel takes.
constexpr uint64_t kSliceNanos = 100'000;

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

}  // namespace mitra
