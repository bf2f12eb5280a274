// An HTTP server that takes everything and keeps it, for what our programs send
// out of themselves.

#ifndef MITRA_TESTS_SUPPORT_HTTP_SINK_H_
#define MITRA_TESTS_SUPPORT_HTTP_SINK_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

struct ssl_ctx_st;

namespace mitra::testing {

// Answers every request with the same status, one connection after another;
// with kSilence nothing, and connections stay open. Thread-safe.
class HttpSink {
 public:
  static constexpr int kSilence = 0;
  explicit HttpSink(int status = 200);
  // The same with TLS, under that certificate and key in PEM files. If
  // `ca_file` is not empty, clients must show a certificate that it signed.
  HttpSink(const std::string& cert_file, const std::string& key_file,
           const std::string& ca_file = "");
  ~HttpSink();
  HttpSink(const HttpSink&) = delete;
  HttpSink& operator=(const HttpSink&) = delete;

  // "http://127.0.0.1:1234", or https.
  std::string url() const;
  // All that came, heads and bodies.
  std::string received() const;

 private:
  // Bytes of one connection; 0 at its end.
  using Read = std::function<ssize_t(char*, size_t)>;
  using Write = std::function<void(const std::string&)>;
  void Listen();
  void Run();
  void Take(int connection);
  void TakeTls(int connection);
  void Answer(const Read& read, const Write& write);

  const int status_;
  std::shared_ptr<ssl_ctx_st> tls_;
  int listener_ = -1;
  int port_ = 0;
  mutable absl::Mutex mutex_;
  std::string received_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> silent_;  // the thread's own
  std::thread thread_;
};

}  // namespace mitra::testing

#endif  // MITRA_TESTS_SUPPORT_HTTP_SINK_H_
