// Who calls, and what that caller may call. All rules come from the method's
// options; none is about what a method does.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_AUTHENTICATOR_H_
#define MITRA_SERVICES_GATEWAY_EDGE_AUTHENTICATOR_H_

#include <optional>
#include <string>
#include <vector>

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

// How much a credential may do, in units of the methods' cost: what flows in
// per second and what may be saved up. 0: as the gateway is configured.
struct Quota {
  double units_per_second = 0;
  double burst_units = 0;
};

struct Caller {
  rpc::Identity identity;
  Quota quota;
};

// Knows credentials of one kind. Thread-safe.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // Who shows `credential`; nothing if it is unknown, expired or revoked.
  virtual std::optional<Caller> Find(absl::string_view credential) const = 0;
};

// Thread-safe.
class Authenticator {
 public:
  // API keys, which come in either header, and tokens (JWT), which come as
  // bearers only. Each must outlive this and may be null. Both null: everybody
  // may do everything, under the credential "insecure".
  explicit Authenticator(const CredentialSource* keys,
                         const CredentialSource* tokens = nullptr)
      : keys_(keys), tokens_(tokens) {}

  // UNAUTHENTICATED with reason CREDENTIAL_MISSING or CREDENTIAL_INVALID.
  absl::StatusOr<Caller> Authenticate(const Credentials& credentials) const;

 private:
  const CredentialSource* keys_;
  const CredentialSource* tokens_;
};

// PERMISSION_DENIED: SCOPE_MISSING if the credential lacks the method's scope,
// METHOD_CLOSED_TO_MEMBERS if it is a member's and the method is not for those.
absl::Status Authorize(const rpc::Identity& identity, const Method& method);

// The request field that the method names must be the member of a member
// credential: PERMISSION_DENIED (MEMBER_MISMATCH) if not. A field of the
// request itself that is left empty is set to that member. OK for platforms.
absl::Status BindMember(const rpc::Identity& identity, const Method& method,
                        google::protobuf::Message& request);

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_AUTHENTICATOR_H_
