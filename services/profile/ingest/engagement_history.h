// Engagements of before: what a platform brings along when its whole past is
// filled in.
//
// Nothing follows from them: no seat is held, nobody is asked next, no evidence
// is written (that comes as rows of its own), nobody's answers are counted, no
// event is told. They keep the times that they come with, in any order of rows,
// so that an old refusal cools nobody down and no weekly cap is reached.

#ifndef MITRA_SERVICES_PROFILE_INGEST_ENGAGEMENT_HISTORY_H_
#define MITRA_SERVICES_PROFILE_INGEST_ENGAGEMENT_HISTORY_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/validation/field_checks.h"
#include "mitra/v1/engagement.pb.h"
#include "services/profile/store/write_batch.h"

namespace mitra::profile {

// The write that keeps it; the same again changes nothing, the same id with
// another content is refused. Wants an id, two members, the provider's role, an
// ended state, and create_time <= update_time <= `now`. INVALID_ARGUMENT names
// the fields from `path` on.
absl::StatusOr<Put> PrepareHistory(v1::Engagement engagement,
                                   const FieldPath& path, absl::Time now);

// The stored engagement is one of before.
inline bool IsHistory(const v1::Engagement& stored) {
  // Of others the record knows when they changed.
  return stored.has_update_time();
}

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_ENGAGEMENT_HISTORY_H_
