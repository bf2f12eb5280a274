// An HTTP server that takes everything and keeps it, for what our programs send
// out of themselves.

#ifndef MITRA_TESTS_SUPPORT_HTTP_SINK_H_
#define MITRA_TESTS_SUPPORT_HTTP_SINK_H_

#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace mitra::testing {

// Answers every request with the same status, one connection after another;
// with kSilence nothing, and connections stay open. Thread-safe.
class HttpSink {
 public:
  static constexpr int kSilence = 0;
  explicit HttpSink(int status = 200);
  ~HttpSink();
  HttpSink(const HttpSink&) = delete;
  HttpSink& operator=(const HttpSink&) = delete;

  // "http://127.0.0.1:1234".
  std::string url() const;
  // All that came, heads and bodies.
  std::string received() const;

 private:
  void Run();
  void Take(int connection);

  const int status_;
  int listener_ = -1;
  int port_ = 0;
  mutable absl::Mutex mutex_;
  std::string received_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> silent_;  // the thread's own
  std::thread thread_;
};

}  // namespace mitra::testing

#endif  // MITRA_TESTS_SUPPORT_HTTP_SINK_H_
