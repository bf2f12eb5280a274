#include "services/gateway/edge/authenticator.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/status/errors.h"

namespace mitra::gateway {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr absl::string_view kScheme = "bearer ";
// Tokens signed by RSA keys of 4096 bits with some claims have about 1,500.
constexpr size_t kMaxCredential = 4096;
constexpr size_t kMaxIdentity = 3000;

absl::Status Unauthenticated(absl::string_view reason,
                             absl::string_view message) {
  return MakeError(absl::StatusCode::kUnauthenticated, reason, message);
}

absl::Status Invalid() {
  return Unauthenticated("CREDENTIAL_INVALID",
                         "the credential is unknown, expired or revoked");
}

// Each byte is sent as three at most.
bool FitsMetadata(const rpc::Identity& identity) {
  size_t bytes = identity.credential.size() + identity.member_id.size() +
                 identity.delegate_id.size();
  for (const std::string& scope : identity.scopes) bytes += scope.size() + 1;
  return 3 * bytes + 2 <= kMaxIdentity ||
         rpc::EncodeIdentity(identity).size() <= kMaxIdentity;
}

std::string PathName(const std::vector<const FieldDescriptor*>& path) {
  return absl::StrJoin(path, ".", [](std::string* out, const auto* field) {
    absl::StrAppend(out, field->name());
  });
}

}  // namespace

absl::StatusOr<Caller> Authenticator::Authenticate(
    const Credentials& credentials) const {
  if (keys_ == nullptr && tokens_ == nullptr) {
    Caller everybody;
    everybody.identity.credential = "insecure";
    everybody.identity.scopes = {"*"};
    return everybody;
  }
  absl::string_view key = credentials.api_key;
  const bool bears = !credentials.authorization.empty();
  if (bears) {
    absl::string_view bearer = credentials.authorization;
    if (!absl::StartsWithIgnoreCase(bearer, kScheme)) {
      return Unauthenticated(
          "CREDENTIAL_INVALID",
          "the scheme of the authorization header must be Bearer");
    }
    bearer.remove_prefix(kScheme.size());
    bearer = absl::StripAsciiWhitespace(bearer);
    if (!key.empty() && key != bearer) return Invalid();
    key = bearer;
  }
  if (key.empty()) {
    return Unauthenticated("CREDENTIAL_MISSING",
                           "send an API key or a token: authorization: Bearer "
                           "…, or a key as x-api-key: mk_…");
  }
  if (key.size() > kMaxCredential) return Invalid();
  std::optional<Caller> caller;
  if (keys_ != nullptr) caller = keys_->Find(key);
  if (!caller && bears && tokens_ != nullptr) caller = tokens_->Find(key);
  if (!caller) return Invalid();
  // Metadata that is too long would be dropped, and the services would take the
  // call for one of their own.
  if (!FitsMetadata(caller->identity)) {
    return Unauthenticated("CREDENTIAL_INVALID",
                           "the credential has more scopes than can be passed "
                           "on");
  }
  return *std::move(caller);
}

absl::Status Authorize(const rpc::Identity& identity, const Method& method) {
  if (!identity.HasScope(method.policy.scope())) {
    return MakeError(
        absl::StatusCode::kPermissionDenied, "SCOPE_MISSING",
        absl::StrCat("the credential lacks the scope ", method.policy.scope()),
        {{"scope", method.policy.scope()}});
  }
  if (identity.is_member() && !method.open_to_members()) {
    return MakeError(absl::StatusCode::kPermissionDenied,
                     "METHOD_CLOSED_TO_MEMBERS",
                     "this method is not open to credentials of members");
  }
  return absl::OkStatus();
}

absl::Status BindMember(const rpc::Identity& identity, const Method& method,
                        Message& request) {
  if (!identity.is_member()) return absl::OkStatus();
  if (method.member_path.size() == 1) {
    const FieldDescriptor* field = method.member_path[0];
    if (request.GetReflection()->GetString(request, field).empty()) {
      request.GetReflection()->SetString(&request, field, identity.member_id);
    }
  }
  const Message* owner = &request;
  for (size_t i = 0; i + 1 < method.member_path.size(); ++i) {
    owner = &owner->GetReflection()->GetMessage(*owner, method.member_path[i]);
  }
  if (!method.member_path.empty() &&
      owner->GetReflection()->GetString(*owner, method.member_path.back()) ==
          identity.member_id) {
    return absl::OkStatus();
  }
  const std::string field = PathName(method.member_path);
  return MakeError(absl::StatusCode::kPermissionDenied, "MEMBER_MISMATCH",
                   absl::StrCat(field,
                                ": must be the member whose credential this "
                                "is"),
                   {{"field", field}});
}

}  // namespace mitra::gateway
