// Places where a test can end the process as kill -9 would: between the steps
// of what must survive that.
//
//   ReachFailpoint("snapshot/synced");
//
// Does nothing, at the price of one load, unless the environment or a test has
// armed that point: MITRA_FAILPOINT=snapshot/synced:2 ends the process when it
// is reached for the second time.

#ifndef MITRA_COMMON_BASE_FAILPOINT_H_
#define MITRA_COMMON_BASE_FAILPOINT_H_

#include <atomic>
#include <cstdint>
#include <string>

namespace mitra {

// Arms one point of this process, instead of any other: it ends at the `nth`
// time, counted from 1. Not while other threads reach points.
void ArmFailpoint(const std::string& name, uint32_t nth);

namespace internal {
extern std::atomic<bool> failpoint_armed;
void ReachArmedFailpoint(const char* name);
}  // namespace internal

inline void ReachFailpoint(const char* name) {
  if (internal::failpoint_armed.load(std::memory_order_relaxed)) {
    internal::ReachArmedFailpoint(name);
  }
}

}  // namespace mitra

#endif  // MITRA_COMMON_BASE_FAILPOINT_H_
