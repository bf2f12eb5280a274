// Requests about one member, or about a member and another: what all of their
// handlers check and look up in the same way.

#ifndef MITRA_SERVICES_MATCHING_RPC_PAIR_REQUEST_H_
#define MITRA_SERVICES_MATCHING_RPC_PAIR_REQUEST_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/rpc/call_context.h"
#include "services/matching/ranking/subject.h"
#include "services/matching/state/matching_state.h"

namespace mitra::matching {

// NOT_FOUND (PROFILE_NOT_FOUND) naming `field`: the same for members that are
// unknown, gone, hidden or blocked.
absl::Status NotAvailable(absl::string_view field);

// `profile_id` must be a member id that the caller may ask for: see CheckActor.
absl::Status CheckSubject(const rpc::CallContext& call,
                          absl::string_view profile_id);

// Both ids must be those of members, of two; `field` is the other's. The caller
// may ask for `profile_id` only.
absl::Status CheckPair(const rpc::CallContext& call,
                       absl::string_view profile_id, absl::string_view field,
                       absl::string_view other_id);

// The stored member as a subject, or NOT_FOUND.
absl::StatusOr<Subject> SubjectOf(const MatchingView& view,
                                  const std::string& profile_id);

// The id of the member that `id` means; `id` itself if there is none.
std::string IdMeant(const MatchingView& view, const std::string& id);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_PAIR_REQUEST_H_
