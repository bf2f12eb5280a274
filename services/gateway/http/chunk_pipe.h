// Between a call that produces an answer piece by piece and the connection that
// takes it away: one piece at a time, so that a slow client slows the service
// and memory stays flat.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_CHUNK_PIPE_H_
#define MITRA_SERVICES_GATEWAY_HTTP_CHUNK_PIPE_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/task.h"

namespace mitra::gateway {

// One writer and one reader, each on any thread.
class ChunkPipe {
 public:
  // Resumes when the reader has asked for the next one; false: the reader is
  // gone.
  rpc::Task<bool> Put(std::string chunk);
  // A piece that nobody waits for, if the reader has none at the moment and
  // waits since the last beat.
  void Beat(std::string chunk);
  // No more pieces; the reader gets `status` when it has taken the last.
  void Close(absl::Status status);

  // The next piece; nothing at the end.
  rpc::Task<std::optional<std::string>> Take();
  // How the writer ended; OK before that.
  absl::Status status() const;
  // The reader wants no more.
  void Abandon();

 private:
  using Wake = std::function<void(bool)>;
  void StartTake(Wake done);
  void StartPut(std::string chunk, Wake done);

  mutable absl::Mutex mutex_;
  std::optional<std::string> chunk_ ABSL_GUARDED_BY(mutex_);
  bool quiet_ ABSL_GUARDED_BY(mutex_) = false;  // no piece since the last beat
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool abandoned_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  // Called without the lock, each once.
  Wake reader_ ABSL_GUARDED_BY(mutex_);
  Wake writer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_CHUNK_PIPE_H_
