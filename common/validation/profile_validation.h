// What a profile must be, in the record and as a subject that is only in a
// request. The one place for all entrances.

#ifndef MITRA_COMMON_VALIDATION_PROFILE_VALIDATION_H_
#define MITRA_COMMON_VALIDATION_PROFILE_VALIDATION_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/validation/field_checks.h"

namespace mitra::v1 {
class Profile;
}

namespace mitra {

// Where vectors come from in this deployment.
struct VectorRules {
  size_t dimension = 128;
  // True: from callers, with every need and offer side that should be found.
  // False: made by the service; vectors from callers are refused.
  bool from_callers = false;
  // Who makes them: vectors from callers must name it.
  std::string model = "caller";
};

// The rules of a space, "<model>/<dimension>/<generation>". Models whose names
// begin with "hashing-" are the service's own. Of a space that is not known yet
// no vectors are taken.
VectorRules VectorRulesOf(absl::string_view space);

// Largest serialised profile.
inline constexpr size_t kMaxProfileBytes = 128 << 10;

// INVALID_ARGUMENT with every field that is wrong, named from `path` on.
// Output-only fields are not looked at.
absl::Status ValidateProfile(const v1::Profile& profile, const FieldPath& path,
                             const VectorRules& vectors);

// The same for a subject that is only in a request and never stored: it may
// leave out profile_id, kind, display_name and region_code.
absl::Status ValidateDraft(const v1::Profile& profile, const FieldPath& path,
                           const VectorRules& vectors);

}  // namespace mitra

#endif  // MITRA_COMMON_VALIDATION_PROFILE_VALIDATION_H_
