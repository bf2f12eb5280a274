// OpenSSL's settings for the HTTP listener, with certificates that are changed
// while it runs.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_TLS_CONTEXT_H_
#define MITRA_SERVICES_GATEWAY_HTTP_TLS_CONTEXT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/security/tls_files.h"

struct ssl_ctx_st;

namespace mitra::gateway {

// TLS 1.2 and 1.3, HTTP/1.1 by ALPN. The files are looked at again by the first
// handshake after `look`; if they are wrong then, the last good ones stay in
// force, and the log says so. Thread-safe.
class TlsContext {
 public:
  // The error of CheckTlsFiles(files, section).
  static absl::StatusOr<std::unique_ptr<TlsContext>> Create(
      TlsFiles files, std::string section,
      absl::Duration look = absl::Seconds(1));
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // A reference of the caller's own (SSL_CTX); this must outlive its use.
  ssl_ctx_st* NewReference() const;

 private:
  struct Impl;
  explicit TlsContext(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_TLS_CONTEXT_H_
