// Computes in the background whose word counts (trust/vouching.h), from the
// members that somebody has verified, and hands it to the state: once per
// interval while the record changes, and sooner when there are many more or
// fewer ties, or when the record has come to rest. So answers settle soon after
// the data has, and are the same after a restart. At most a tenth of one core
// is spent on it.

#ifndef MITRA_SERVICES_MATCHING_STATE_VOUCHING_RUNNER_H_
#define MITRA_SERVICES_MATCHING_STATE_VOUCHING_RUNNER_H_

#include <atomic>
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
  // Whether the background would compute at `now`. The record is at rest if it
  // has not changed since the call before.
  bool Due(absl::Time now);
  // Computes on a thread of its own from time to time, until destroyed.
  void Start();

  // The revision that the latest computation saw. Thread-safe.
  uint64_t revision() const { return revision_; }

 private:
  void Loop();

  MatchingState& state_;
  const Options options_;
  // Of the last computation; the thread's own.
  uint64_t last_revision_ = 0;
  uint64_t last_epoch_ = 0;
  bool weighed_ = false;
  uint64_t last_ties_ = 0;
  absl::Time last_end_ = absl::InfinitePast();
  absl::Duration last_took_;
  uint64_t seen_revision_ = 0;
  std::atomic<uint64_t> revision_{0};
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_STATE_VOUCHING_RUNNER_H_
