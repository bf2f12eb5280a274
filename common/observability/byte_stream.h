// A connection to a server, plain or TLS, blocking with a limit on its time;
// for background threads.

#ifndef MITRA_COMMON_OBSERVABILITY_BYTE_STREAM_H_
#define MITRA_COMMON_OBSERVABILITY_BYTE_STREAM_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mitra {

// Until when an operation may take; asked anew ten times a second, so that it
// may come nearer.
using TimeLimit = std::function<absl::Time()>;

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // False if not everything was taken in time.
  virtual bool Send(absl::string_view bytes, const TimeLimit& end) = 0;
  // What has come; empty at the end, after an error or when time is over.
  virtual std::string Receive(const TimeLimit& end) = 0;
};

// Whom a client of TLS believes, and what it shows; files of PEM, each empty if
// it is not wanted.
struct ClientTls {
  std::string ca_file;  // empty: the system's authorities
  std::string cert_file;
  std::string key_file;
};

// What is wrong with the files, INVALID_ARGUMENT; OK if nothing is.
absl::Status CheckClientTls(const ClientTls& tls);

// Connects and, if `tls` is not null, shakes hands with a server whose
// certificate is good and bears `host`. The files are read anew each time.
// UNAVAILABLE if that fails.
absl::StatusOr<std::unique_ptr<ByteStream>> ConnectTo(const std::string& host,
                                                      const std::string& port,
                                                      const ClientTls* tls,
                                                      const TimeLimit& end);

}  // namespace mitra

#endif  // MITRA_COMMON_OBSERVABILITY_BYTE_STREAM_H_
