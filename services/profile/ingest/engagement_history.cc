#include "services/profile/ingest/engagement_history.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status/status_macros.h"
#include "services/profile/ingest/commit.h"
#include "services/profile/ingest/engagement_states.h"

namespace mitra::profile {
namespace {

constexpr size_t kMaxNoteBytes = 2000;

void CheckTimes(const v1::Engagement& engagement, const FieldPath& path,
                absl::Time now, FieldChecks& checks) {
  if (!engagement.has_create_time()) {
    return checks.Add(path.Field("create_time"), "is required");
  }
  if (!engagement.has_update_time()) {
    return checks.Add(path.Field("update_time"), "is required");
  }
  const absl::Time began = ToTime(engagement.create_time());
  const absl::Time ended = ToTime(engagement.update_time());
  if (began < absl::UnixEpoch()) {
    checks.Add(path.Field("create_time"), "must not be before 1970");
  }
  if (ended < began) {
    checks.Add(path.Field("update_time"), "must not be before create_time");
  }
  if (ended > now) {
    checks.Add(path.Field("update_time"), "must not be in the future");
  }
}

void CheckEnd(const v1::Engagement& engagement, const FieldPath& path,
              FieldChecks& checks) {
  const v1::EngagementState state = engagement.state();
  if (!v1::EngagementState_IsValid(state) ||
      state == v1::ENGAGEMENT_STATE_UNSPECIFIED || IsOpenState(state)) {
    checks.Add(path.Field("state"),
               "must be DECLINED, EXPIRED, COMPLETED or CANCELLED");
  }
  const auto reasons = EngagementReasons();
  const std::string& reason = engagement.reason_code();
  if (!reason.empty() &&
      std::find(reasons.begin(), reasons.end(), reason) == reasons.end()) {
    checks.Add(path.Field("reason_code"),
               absl::StrCat("must be one of ", absl::StrJoin(reasons, ", ")));
  }
  if (engagement.has_quality()) {
    checks.Number(path.Field("quality"), engagement.quality(), 0, 1);
  }
}

absl::Status Validate(const v1::Engagement& engagement, const FieldPath& path,
                      absl::Time now) {
  FieldChecks checks;
  checks.Id(path.Field("engagement_id"), engagement.engagement_id());
  checks.Id(path.Field("seeker_id"), engagement.seeker_id());
  checks.Id(path.Field("provider_id"), engagement.provider_id());
  if (engagement.seeker_id() == engagement.provider_id()) {
    checks.Add(path.Field("provider_id"), "must not be the seeker");
  }
  if (engagement.provider_role() == v1::ROLE_UNSPECIFIED ||
      !v1::Role_IsValid(engagement.provider_role())) {
    checks.Add(path.Field("provider_role"), "unknown value");
  }
  if (engagement.alternate_ids_size() > 0) {
    checks.Add(path.Field("alternate_ids"), "must be empty: it is over");
  }
  checks.Text(path.Field("note"), engagement.note(), kMaxNoteBytes);
  CheckEnd(engagement, path, checks);
  CheckTimes(engagement, path, now, checks);
  return checks.ToStatus();
}

}  // namespace

absl::StatusOr<Put> PrepareHistory(v1::Engagement engagement,
                                   const FieldPath& path, absl::Time now) {
  MITRA_RETURN_IF_ERROR(Validate(engagement, path, now));
  engagement.DiscardUnknownFields();
  engagement.clear_hold_expire_time();
  engagement.clear_etag();
  engagement.clear_revision();
  Put put;
  put.type = EntityType::kEngagement;
  put.key = engagement.engagement_id();
  put.mode = Put::Mode::kCreate;
  put.create_time = ToTime(engagement.create_time());
  engagement.clear_create_time();
  put.secret = engagement.SerializeAsString();
  put.content_hash = ContentHash(
      put.secret, absl::StrCat(absl::ToUnixMicros(*put.create_time)));
  put.links = {{engagement.seeker_id(), Relation::kSeeker,
                path.Field("seeker_id").ToString(), /*must_own=*/true},
               {engagement.provider_id(), Relation::kProvider,
                path.Field("provider_id").ToString(), /*must_own=*/false}};
  return put;
}

}  // namespace mitra::profile
