#include "services/matching/rpc/pair_request.h"

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/matching/rpc/request_reader.h"
#include "services/matching/slates/slate_server.h"

namespace mitra::matching {

absl::Status NotAvailable(absl::string_view field) {
  return MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                   absl::StrCat(field, ": no such member"));
}

absl::Status CheckSubject(const rpc::CallContext& call,
                          absl::string_view profile_id) {
  if (!IsValidId(profile_id)) {
    return InvalidField("profile_id", "required; must be a member id");
  }
  return CheckActor(call.identity, profile_id);
}

absl::Status CheckPair(const rpc::CallContext& call,
                       absl::string_view profile_id, absl::string_view field,
                       absl::string_view other_id) {
  FieldViolations bad;
  if (!IsValidId(profile_id)) {
    bad.Add("profile_id", "required; must be a member id");
  }
  if (!IsValidId(other_id)) {
    bad.Add(field, "required; must be a member id");
  } else if (other_id == profile_id) {
    bad.Add(field, "must be another member than profile_id");
  }
  MITRA_RETURN_IF_ERROR(bad.ToStatus());
  return CheckActor(call.identity, profile_id);
}

absl::StatusOr<Subject> SubjectOf(const MatchingView& view,
                                  const std::string& profile_id) {
  SubjectName name;
  name.id = profile_id;
  return FindSubject(view, name);
}

std::string IdMeant(const MatchingView& view, const std::string& id) {
  const MemberIndex meant = view.FindMeant(id);
  return meant == kNoMember ? id
                            : std::string(view.members.at(meant).id.view());
}

}  // namespace mitra::matching
