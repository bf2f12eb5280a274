// Who calls, and what that caller may call. All rules come from the method's
// options; none is about what a method does.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_AUTHENTICATOR_H_
#define MITRA_SERVICES_GATEWAY_EDGE_AUTHENTICATOR_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/rpc/call_context.h"
#include "google/protobuf/message.h"
#include "services/gateway/proxy/method_table.h"

namespace mitra::gateway {

// What a caller showed: the values of the headers or metadata `authorization`
// and `x-api-key`, empty if absent.
struct Credentials {
  absl::string_view authorization;
  absl::string_view api_key;
};

// Knows the API keys. Thread-safe. (Issue 5 adds a second source: JWT.)
class KeySource {
 public:
  virtual ~KeySource() = default;
  // The identity behind `key`; nothing if the key is unknown, expired or
  // revoked. Takes the same time for all of these.
  virtual std::optional<rpc::Identity> Find(absl::string_view key) const = 0;
};

// Thread-safe.
class Authenticator {
 public:
  // `keys` must outlive this. Null: everybody may do everything, under the
  // credential "insecure".
  explicit Authenticator(const KeySource* keys) : keys_(keys) {}

  // UNAUTHENTICATED with reason CREDENTIAL_MISSING or CREDENTIAL_INVALID.
  absl::StatusOr<rpc::Identity> Authenticate(
      const Credentials& credentials) const;

 private:
  const KeySource* keys_;
};

// PERMISSION_DENIED: SCOPE_MISSING if the credential lacks the method's scope,
// METHOD_CLOSED_TO_MEMBERS if it is a member's and the method is not for those.
absl::Status Authorize(const rpc::Identity& identity, const Method& method);

// The request field that the method names must be the member of a member
// credential: PERMISSION_DENIED (MEMBER_MISMATCH) if not. A field of the
// request itself that is left empty is set to that member. OK for platforms.
absl::Status BindMember(const rpc::Identity& identity, const Method& method,
                        google::protobuf::Message& request);

// Whether a server may start. FAILED_PRECONDITION if it has no keys without
// `insecure` being spelled out, or listens beyond this machine without keys.
absl::Status CheckExposure(const std::vector<std::string>& addresses,
                           bool has_keys, bool insecure);

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_AUTHENTICATOR_H_
