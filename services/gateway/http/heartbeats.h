// Signs of life on streams of server-sent events that have nothing to say:
// proxies and clients take a silent connection for a dead one.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_HEARTBEATS_H_
#define MITRA_SERVICES_GATEWAY_HTTP_HEARTBEATS_H_

#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/gateway/http/stream_call.h"

namespace mitra::gateway {

// One thread for all streams. Thread-safe.
class Heartbeats {
 public:
  // A stream is silent for two periods at most.
  explicit Heartbeats(absl::Duration period);
  ~Heartbeats();
  Heartbeats(const Heartbeats&) = delete;
  Heartbeats& operator=(const Heartbeats&) = delete;

  // Until the stream is gone.
  void Add(std::weak_ptr<StreamCall> stream);

 private:
  void Run();

  const absl::Duration period_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::weak_ptr<StreamCall>> streams_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_HEARTBEATS_H_
