// An HTTP server that takes everything and keeps it, for what our programs send
// out of themselves.

#ifndef MITRA_TESTS_SUPPORT_HTTP_SINK_H_
#define MITRA_TESTS_SUPPORT_HTTP_SINK_H_

#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace mitra::testing {

// Answers 200 to every request, one connection after another. Thread-safe.
class HttpSink {
 public:
  HttpSink();
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

  int listener_ = -1;
  int port_ = 0;
  mutable absl::Mutex mutex_;
  std::string received_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace mitra::testing

#endif  // MITRA_TESTS_SUPPORT_HTTP_SINK_H_
