#include "services/profile/ingest/access.h"

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"

namespace mitra::profile {

Authority AuthorityOf(const rpc::CallContext& call) {
  const rpc::Identity& identity = call.identity;
  return {identity.credential, identity.credential.empty() ||
                                   identity.is_member() ||
                                   identity.HasScope(kAllMembersScope)};
}

absl::Status CheckParty(const rpc::CallContext& call, absl::string_view party) {
  if (!call.identity.is_member() || call.identity.member_id == party) {
    return absl::OkStatus();
  }
  return MakeError(absl::StatusCode::kNotFound, "NOT_FOUND", "no such record");
}

absl::Status RefuseMembers(const rpc::CallContext& call) {
  if (!call.identity.is_member()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kPermissionDenied, "MEMBERS_NOT_ALLOWED",
                   "the method is closed to members");
}

absl::Status RefuseDelegates(const rpc::CallContext& call) {
  if (call.identity.delegate_id.empty()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kPermissionDenied, "DELEGATES_NOT_ALLOWED",
                   "only the member itself may do this");
}

bool SeesAll(const rpc::CallContext& call, const Entity& entity) {
  const rpc::Identity& identity = call.identity;
  if (identity.is_member()) {
    return entity.type == EntityType::kProfile &&
           identity.member_id == entity.key;
  }
  return identity.credential.empty() || identity.credential == entity.owner ||
         identity.HasScope(kAllMembersScope);
}

Sight SightOf(const rpc::CallContext& call, const Entity& entity, bool hidden,
              v1::ProfileView view) {
  if (SeesAll(call, entity)) {
    return view == v1::PROFILE_VIEW_PUBLIC ? Sight::kPublic : Sight::kAll;
  }
  if (hidden || view == v1::PROFILE_VIEW_OWN ||
      view == v1::PROFILE_VIEW_PLATFORM) {
    return Sight::kNothing;
  }
  return Sight::kPublic;
}

std::string CallerKey(const rpc::CallContext& call) {
  return call.identity.is_member() ? absl::StrCat(call.identity.credential, "/",
                                                  call.identity.member_id)
                                   : call.identity.credential;
}

}  // namespace mitra::profile
