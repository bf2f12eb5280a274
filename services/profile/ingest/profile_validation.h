// What a profile must be to enter the record. The one place for all entrances.

#ifndef MITRA_SERVICES_PROFILE_INGEST_PROFILE_VALIDATION_H_
#define MITRA_SERVICES_PROFILE_INGEST_PROFILE_VALIDATION_H_

#include <cstddef>

#include "absl/status/status.h"
#include "services/profile/ingest/field_checks.h"

namespace mitra::v1 {
class Profile;
}

namespace mitra::profile {

// Where vectors come from in this deployment.
struct VectorRules {
  size_t dimension = 128;
  // True: from callers, with every need and offer side that should be found.
  // False: made by the service; vectors from callers are refused.
  bool from_callers = false;
};

// Largest serialised profile.
inline constexpr size_t kMaxProfileBytes = 128 << 10;

// INVALID_ARGUMENT with every field that is wrong, named from `path` on.
// Output-only fields are not looked at.
absl::Status ValidateProfile(const v1::Profile& profile, const FieldPath& path,
                             const VectorRules& vectors);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_PROFILE_VALIDATION_H_
