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
constexpr size_t kMaxKey = 512;

absl::Status Unauthenticated(absl::string_view reason,
                             absl::string_view message) {
  return MakeError(absl::StatusCode::kUnauthenticated, reason, message);
}

absl::Status Invalid() {
  return Unauthenticated("CREDENTIAL_INVALID",
                         "the credential is unknown, expired or revoked");
}

std::string PathName(const std::vector<const FieldDescriptor*>& path) {
  return absl::StrJoin(path, ".", [](std::string* out, const auto* field) {
    absl::StrAppend(out, field->name());
  });
}

bool IsLoopback(absl::string_view address) {
  if (absl::StartsWith(address, "unix:")) return true;
  return absl::StartsWith(address, "127.") ||
         absl::StartsWith(address, "[::1]:") ||
         absl::StartsWith(address, "localhost:");
}

}  // namespace

absl::StatusOr<rpc::Identity> Authenticator::Authenticate(
    const Credentials& credentials) const {
  if (keys_ == nullptr) {
    rpc::Identity everybody;
    everybody.credential = "insecure";
    everybody.scopes = {"*"};
    return everybody;
  }
  absl::string_view key = credentials.api_key;
  if (!credentials.authorization.empty()) {
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
                           "send an API key: authorization: Bearer mk_…, or "
                           "x-api-key: mk_…");
  }
  if (key.size() > kMaxKey) return Invalid();
  std::optional<rpc::Identity> identity = keys_->Find(key);
  if (!identity) return Invalid();
  return *std::move(identity);
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

absl::Status CheckExposure(const std::vector<std::string>& addresses,
                           bool has_keys, bool insecure) {
  if (has_keys) return absl::OkStatus();
  if (!insecure) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_IDENTITY",
                     "auth.keys_file is not set; give one, or say "
                     "--auth.insecure=true on this machine alone");
  }
  for (const std::string& address : addresses) {
    if (IsLoopback(address)) continue;
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_IDENTITY",
                     absl::StrCat("without auth.keys_file only loopback may be "
                                  "listened on, not ",
                                  address));
  }
  return absl::OkStatus();
}

}  // namespace mitra::gateway
