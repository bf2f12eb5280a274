#include "common/security/exposure.h"

#include <arpa/inet.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"

namespace mitra {

bool IsLoopback(absl::string_view address) {
  if (absl::StartsWith(address, "unix:")) return true;
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return false;
  const std::string host(address.substr(0, colon));
  in_addr parsed = {};
  if (inet_pton(AF_INET, host.c_str(), &parsed) == 1) {
    return ntohl(parsed.s_addr) >> 24 == 127;
  }
  return host == "[::1]" || host == "localhost";
}

absl::Status CheckExposure(const std::vector<std::string>& addresses,
                           const Exposure& exposure) {
  const auto refuse = [](absl::string_view reason, absl::string_view message) {
    return MakeError(absl::StatusCode::kFailedPrecondition, reason, message);
  };
  if (!exposure.identity && !exposure.insecure_identity) {
    return refuse("NO_IDENTITY",
                  "auth.keys_file and auth.jwks_file are not set; give one, or "
                  "say --auth.insecure=true on this machine alone");
  }
  for (const std::string& address : addresses) {
    if (IsLoopback(address)) continue;
    if (!exposure.identity) {
      return refuse(
          "NO_IDENTITY",
          absl::StrCat("without auth.keys_file or auth.jwks_file only "
                       "loopback may be listened on, not ",
                       address));
    }
    if (!exposure.tls && !exposure.insecure_plaintext) {
      return refuse(
          "NO_TLS",
          absl::StrCat("other machines reach ", address,
                       " without TLS, so that keys and data would travel in "
                       "the clear: listen on loopback behind a proxy that ends "
                       "TLS, give tls.cert_file and tls.key_file, or say "
                       "--listen.insecure_plaintext=true if the "
                       "network itself is safe"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckServiceExposure(const std::vector<std::string>& addresses,
                                  bool mutual_tls, bool insecure_plaintext) {
  if (mutual_tls || insecure_plaintext) return absl::OkStatus();
  for (const std::string& address : addresses) {
    if (IsLoopback(address)) continue;
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "NO_TLS",
        absl::StrCat("other machines reach ", address,
                     " and would be believed whatever they say: give "
                     "links.cert_file, links.key_file and links.ca_file, or "
                     "say --server.insecure_plaintext=true if the network "
                     "itself is safe"));
  }
  return absl::OkStatus();
}

}  // namespace mitra
