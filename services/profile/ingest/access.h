// Who may write and see what. Decided here from the record and the verified
// identity, whatever the gateway has already checked.

#ifndef MITRA_SERVICES_PROFILE_INGEST_ACCESS_H_
#define MITRA_SERVICES_PROFILE_INGEST_ACCESS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/rpc/call_context.h"
#include "mitra/v1/profile.pb.h"
#include "services/profile/store/entity.h"
#include "services/profile/store/write_batch.h"

namespace mitra::profile {

// The scope that reaches members of other credentials.
inline constexpr char kAllMembersScope[] = "members:all";

// What the caller may write. Calls between services, and members acting for
// themselves (see CheckParty), are not bound to an owner.
Authority AuthorityOf(const rpc::CallContext& call);

// For methods that members may call: OK for platforms; for a member only if it
// is `party` itself, else NOT_FOUND, as for somebody who does not exist.
absl::Status CheckParty(const rpc::CallContext& call, absl::string_view party);

// For methods that are closed to members: PERMISSION_DENIED for a member.
absl::Status RefuseMembers(const rpc::CallContext& call);

// PERMISSION_DENIED if another acts for the member: nobody consents, or goes
// away, by proxy.
absl::Status RefuseDelegates(const rpc::CallContext& call);

// The caller sees everything of the entity: it owns it, may see all, or is the
// member itself.
bool SeesAll(const rpc::CallContext& call, const Entity& entity);

// How much of a stored profile the caller gets, when it asks for `view`.
enum class Sight { kNothing, kPublic, kAll };
Sight SightOf(const rpc::CallContext& call, const Entity& entity, bool hidden,
              v1::ProfileView view);

// Names the caller for request ids: credential, and member if there is one.
std::string CallerKey(const rpc::CallContext& call);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_ACCESS_H_
