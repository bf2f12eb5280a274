// API keys from a file, read again when it changes.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_KEY_FILE_SOURCE_H_
#define MITRA_SERVICES_GATEWAY_EDGE_KEY_FILE_SOURCE_H_

#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/security/api_key.h"
#include "services/gateway/edge/authenticator.h"

namespace mitra::gateway {

// Thread-safe. A file that cannot be read, or is wrong, leaves the keys of the
// last good one in force and is logged.
class KeyFileSource final : public KeySource {
 public:
  // The error of the file if it is wrong at the start.
  static absl::StatusOr<std::unique_ptr<KeyFileSource>> Open(
      const std::string& path, absl::Duration poll = absl::Seconds(1));
  ~KeyFileSource() override;

  std::optional<rpc::Identity> Find(absl::string_view key) const override;

  // Reads the file now if it has changed; what the thread does each period.
  void Poll();

 private:
  KeyFileSource(std::string path, absl::Duration poll,
                std::shared_ptr<const KeySet> keys);
  void Run();

  const std::string path_;
  const absl::Duration poll_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const KeySet> keys_ ABSL_GUARDED_BY(mutex_);
  std::string stamp_ ABSL_GUARDED_BY(mutex_);  // of the file read last
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_KEY_FILE_SOURCE_H_
