// Computes in the background whose word counts (trust/vouching.h), from the
// members that somebody has verified, and hands it to the state.

#ifndef MITRA_SERVICES_MATCHING_STATE_VOUCHING_RUNNER_H_
#define MITRA_SERVICES_MATCHING_STATE_VOUCHING_RUNNER_H_

#include <cstdint>
#include <functional>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/matching/state/matching_state.h"

namespace mitra::matching {

class VouchingRunner {
 public:
  struct Options {
    // Between two computations, if anything has changed.
    absl::Duration interval = absl::Minutes(5);
    // With fewer verified members that have ties, nobody's word is weighed: a
    // handful of seeds would make newcomers of all whom they do not reach.
    uint32_t min_seeds = 10;
    // No computation begins before this is true.
    std::function<bool()> ready = [] { return true; };
  };
  // `state` must outlive it.
  VouchingRunner(MatchingState& state, Options options);
  ~VouchingRunner();
  VouchingRunner(const VouchingRunner&) = delete;
  VouchingRunner& operator=(const VouchingRunner&) = delete;

  // Computes on this thread, now. False if nothing has changed since the last.
  bool RunOnce();
  // Computes on a thread of its own from time to time, until destroyed.
  void Start();

 private:
  void Loop();

  MatchingState& state_;
  const Options options_;
  uint64_t last_epoch_ = 0;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_STATE_VOUCHING_RUNNER_H_
