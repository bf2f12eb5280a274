// What a file says, read again when it changes.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_RELOADED_FILE_H_
#define MITRA_SERVICES_GATEWAY_EDGE_RELOADED_FILE_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace mitra::gateway {

namespace internal {
// Changes whenever the file does, also when it is replaced.
std::string FileStamp(const std::string& path);
void LogReload(const std::string& path, const absl::Status& status);
}  // namespace internal

// Thread-safe. A file that cannot be read, or is wrong, leaves the last good
// one in force and is logged; one that cannot be read is tried again.
template <typename T>
class ReloadedFile {
 public:
  using Value = std::shared_ptr<const T>;
  using Load = std::function<absl::StatusOr<Value>(const std::string&)>;

  // The error of `load` if the file is wrong at the start.
  static absl::StatusOr<std::unique_ptr<ReloadedFile>> Open(
      std::string path, Load load, absl::Duration poll = absl::Seconds(1)) {
    // The stamp first: a change while the file is being read is then a change.
    std::string stamp = internal::FileStamp(path);
    absl::StatusOr<Value> value = load(path);
    if (!value.ok()) return value.status();
    return std::unique_ptr<ReloadedFile>(
        new ReloadedFile(std::move(path), std::move(load), poll,
                         *std::move(value), std::move(stamp)));
  }

  ~ReloadedFile() {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    thread_.join();
  }

  Value Get() const {
    absl::ReaderMutexLock lock(&mutex_);
    return value_;
  }

  // Reads the file now if it has changed; what the thread does each period.
  void Poll() {
    std::string stamp = internal::FileStamp(path_);
    {
      absl::MutexLock lock(&mutex_);
      if (stamp == stamp_) return;
    }
    absl::StatusOr<Value> value = load_(path_);
    absl::MutexLock lock(&mutex_);
    if (value.ok() || value.status() != error_) {
      internal::LogReload(path_, value.status());
    }
    error_ = value.status();
    if (!absl::IsNotFound(error_)) stamp_ = std::move(stamp);
    if (value.ok()) value_ = *std::move(value);
  }

 private:
  ReloadedFile(std::string path, Load load, absl::Duration poll, Value value,
               std::string stamp)
      : path_(std::move(path)),
        load_(std::move(load)),
        poll_(poll),
        value_(std::move(value)),
        stamp_(std::move(stamp)),
        thread_([this] { Run(); }) {}

  void Run() {
    for (;;) {
      {
        absl::MutexLock lock(&mutex_);
        if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), poll_)) return;
      }
      Poll();
    }
  }

  const std::string path_;
  const Load load_;
  const absl::Duration poll_;
  mutable absl::Mutex mutex_;
  Value value_ ABSL_GUARDED_BY(mutex_);
  std::string stamp_ ABSL_GUARDED_BY(mutex_);  // of the file read last
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_RELOADED_FILE_H_
