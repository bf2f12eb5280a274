// Whether a server may listen where it is told to: nothing is open to other
// machines by accident.

#ifndef MITRA_COMMON_SECURITY_EXPOSURE_H_
#define MITRA_COMMON_SECURITY_EXPOSURE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mitra {

// What protects the addresses that a gateway listens on.
struct Exposure {
  // Callers must say who they are.
  bool identity = false;
  // Nobody listens in.
  bool tls = false;
  // The operator said in full that it may go without.
  bool insecure_identity = false;
  bool insecure_plaintext = false;
};

// Whether a gateway may start: FAILED_PRECONDITION (NO_IDENTITY, NO_TLS) if
// not. Without identity it needs the flag and listens on this machine only;
// without TLS it needs the flag to listen elsewhere.
absl::Status CheckExposure(const std::vector<std::string>& addresses,
                           const Exposure& exposure);

// The same for a service behind it, which believes whoever reaches it: other
// machines may only with certificates on both ends (`mutual_tls`), or if the
// operator said --server.insecure_plaintext.
absl::Status CheckServiceExposure(const std::vector<std::string>& addresses,
                                  bool mutual_tls, bool insecure_plaintext);

// Whether only this machine reaches the address: a unix socket, 127.0.0.0/8,
// [::1] or localhost.
bool IsLoopback(absl::string_view address);

}  // namespace mitra

#endif  // MITRA_COMMON_SECURITY_EXPOSURE_H_
