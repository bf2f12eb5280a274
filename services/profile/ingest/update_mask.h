// Which fields of a profile an update changes.

#ifndef MITRA_SERVICES_PROFILE_INGEST_UPDATE_MASK_H_
#define MITRA_SERVICES_PROFILE_INGEST_UPDATE_MASK_H_

#include "absl/status/status.h"

namespace mitra::v1 {
class Profile;
class UpdateProfileRequest;
}  // namespace mitra::v1

namespace mitra::profile {

// Changes `profile` as the request says. Without a mask: every field that is
// set. With a mask: exactly the named top-level fields; one that is not set is
// cleared; an empty mask changes nothing. Output-only fields and the id are
// left alone without a mask. INVALID_ARGUMENT (update_mask.paths[i]) for a path
// that is no top-level field, or that names the id or an output-only field;
// `profile` is unchanged then.
absl::Status ApplyUpdate(const v1::UpdateProfileRequest& request,
                         v1::Profile& profile);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_UPDATE_MASK_H_
