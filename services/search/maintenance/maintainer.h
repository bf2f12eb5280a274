// The background thread of search: builds graphs, merges text, gives rows back,
// and writes snapshots, at low priority.

#ifndef MITRA_SERVICES_SEARCH_MAINTENANCE_MAINTAINER_H_
#define MITRA_SERVICES_SEARCH_MAINTENANCE_MAINTAINER_H_

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/search/index/index_state.h"
#include "services/search/partition/role_search.h"
#include "services/search/snapshot/index_snapshot.h"

namespace mitra::search {

// Thread-safe but for Start and Stop.
class Maintainer {
 public:
  struct Options {
    // Where snapshots are written; empty: nowhere.
    std::string snapshot_path;
    absl::Duration snapshot_interval = absl::Minutes(10);
    // Threads of a build while the service takes traffic.
    int build_threads = 1;
    // Threads of a build before that.
    int first_build_threads = 1;
    // How the questions of the warm-up are searched.
    SearchPlan plan;
    // Asked on each round: the feed has been followed to its head.
    std::function<bool()> caught_up;
    // Lets walks be tuned by what people ask of a role, once a round; true if
    // it did. May be null.
    std::function<bool(int role, const std::atomic<bool>& stop)> tune;
    // Told whenever it changes: the index answers for all of the record.
    std::function<void(bool)> on_ready;
  };
  Maintainer(IndexState& state, Options options);
  ~Maintainer();

  void Start();
  // Ends the thread; a build under way is given up.
  void Stop();
  // There may be work. Cheap.
  void Wake();

  // Caught up once, all roles have their graphs, and sampled questions have
  // been asked.
  bool ready() const { return ready_.load(std::memory_order_acquire); }
  // Writes a snapshot now.
  absl::StatusOr<WrittenSnapshot> WriteSnapshot();
  // The latest snapshot that this process wrote; revision 0 for none.
  WrittenSnapshot last_snapshot() const;

 private:
  void Run();
  void CheckReady();
  void TuneWalks();
  void SnapshotIfDue();

  IndexState& state_;
  const Options options_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> ready_{false};
  absl::Time next_snapshot_;
  mutable absl::Mutex mutex_;
  bool awake_ ABSL_GUARDED_BY(mutex_) = false;
  WrittenSnapshot last_ ABSL_GUARDED_BY(mutex_);
  absl::Mutex writing_;
  std::thread thread_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_MAINTENANCE_MAINTAINER_H_
