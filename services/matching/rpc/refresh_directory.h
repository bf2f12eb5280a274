// Which refreshes there are in the cluster, what they have come to, and which
// process keeps each: in Redis, for those who are asked about others'.
//
// A hash of refresh id to address and state. Each process writes its own as
// they change; what is there may be a second old. Without Redis every process
// knows its own only.

#ifndef MITRA_SERVICES_MATCHING_RPC_REFRESH_DIRECTORY_H_
#define MITRA_SERVICES_MATCHING_RPC_REFRESH_DIRECTORY_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/redis/client.h"
#include "common/rpc/channel.h"
#include "common/rpc/task.h"
#include "mitra/v1/refreshes_service.pb.h"

namespace mitra::matching {

// Thread-safe.
class RefreshDirectory {
 public:
  struct Entry {
    std::string address;  // of the process that keeps it
    v1::Refresh state;
  };
  // `redis` may be null. `options`: of connections to other processes.
  RefreshDirectory(redis::Client* redis, rpc::Channel::Options options)
      : redis_(redis), options_(options) {}

  // Where this process is reached; nothing is told before.
  void SetAddress(std::string address);
  // Tells others of all refreshes of this process: those that have changed
  // since it was told last. Waits for Redis, for at most `timeout` each.
  void Tell(const std::vector<v1::Refresh>& own, absl::Duration timeout);

  // What another process keeps; nothing for others, and without Redis.
  rpc::Task<std::optional<Entry>> Find(std::string refresh_id);
  rpc::Task<std::vector<Entry>> FindAll();
  // A connection to the process of an entry.
  std::shared_ptr<rpc::Channel> Reach(const std::string& address);

 private:
  redis::Client* const redis_;
  const rpc::Channel::Options options_;
  mutable absl::Mutex mutex_;
  std::string address_ ABSL_GUARDED_BY(mutex_);
  absl::Time told_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  // As they were written last, by id.
  absl::flat_hash_map<std::string, std::string> written_
      ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, std::shared_ptr<rpc::Channel>> channels_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_REFRESH_DIRECTORY_H_
