// What refreshes need done while nobody calls: a thread that brings back what
// stood before a restart, follows what others publish, helps them, tells them
// what stands here, and ends what nobody has reviewed.

#ifndef MITRA_SERVICES_MATCHING_RPC_REFRESH_HOUSEKEEPER_H_
#define MITRA_SERVICES_MATCHING_RPC_REFRESH_HOUSEKEEPER_H_

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "services/matching/refresh/refresh_runner.h"
#include "services/matching/rpc/epoch_teller.h"
#include "services/matching/rpc/refresh_directory.h"

namespace mitra::matching {

// Everything must outlive it.
class RefreshHousekeeper {
 public:
  struct Parts {
    const RefreshTools* tools = nullptr;
    RefreshRunner* runner = nullptr;
    std::function<bool()> ready;  // the view has caught up
    std::string address;          // of this process
    RefreshDirectory* directory = nullptr;
    EpochTeller* teller = nullptr;
  };
  explicit RefreshHousekeeper(Parts parts);
  ~RefreshHousekeeper();

  // What was published before the restart stands again.
  bool restored() const { return restored_; }

 private:
  void Run();
  void Help();
  bool Wait(absl::Duration time);

  const Parts parts_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> restored_{false};
  absl::Mutex mutex_;
  std::thread keeper_;
  std::thread helper_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_REFRESH_HOUSEKEEPER_H_
