// From requests to questions: every field is checked here, with its path.

#ifndef MITRA_SERVICES_MATCHING_RPC_REQUEST_READER_H_
#define MITRA_SERVICES_MATCHING_RPC_REQUEST_READER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/rpc/call_context.h"
#include "mitra/v1/recommendations_service.pb.h"
#include "services/matching/slates/slate_server.h"

namespace mitra::matching {

// Looks for a ranking profile by id; an empty id is the one that serves the
// subject, who is empty if only in the request. Null: unknown.
using FindProfile = std::function<const RankingProfile*(
    absl::string_view id, absl::string_view subject)>;

struct RecommendQuestion {
  SubjectName subject;
  std::vector<SlateRequest> slates;  // one per kind, in the asked order
};

// `path` is put before every field's name, "" for a request of its own.
// `space` is the record's embedding space; empty if it is not known yet.
absl::StatusOr<RecommendQuestion> ReadRecommend(
    const v1::RecommendRequest& request, absl::string_view path,
    absl::string_view space, const FindProfile& find_profile);

// INVALID_ARGUMENT naming `field` for anything but "", "id" and "en".
absl::StatusOr<Language> ReadLanguage(absl::string_view field,
                                      absl::string_view tag);
// INVALID_ARGUMENT naming `field` for unknown kinds.
absl::StatusOr<const KindSpec*> ReadKind(absl::string_view field,
                                         v1::RecommendationKind kind);

// A member credential may ask for its own member only: PERMISSION_DENIED with
// reason MEMBER_MISMATCH otherwise, whether or not there is such a member.
absl::Status CheckActor(const rpc::Identity& identity,
                        absl::string_view profile_id);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_REQUEST_READER_H_
