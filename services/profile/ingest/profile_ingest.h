// Turns a profile from outside into a write: checked, normalised, embedded.

#ifndef MITRA_SERVICES_PROFILE_INGEST_PROFILE_INGEST_H_
#define MITRA_SERVICES_PROFILE_INGEST_PROFILE_INGEST_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/embedding/embedder.h"
#include "common/validation/field_checks.h"
#include "common/validation/profile_validation.h"
#include "services/profile/store/entity.h"
#include "services/profile/store/write_batch.h"

namespace mitra::v1 {
class Profile;
}

namespace mitra::profile {

// Immutable and safe for concurrent use. Takes tens of microseconds per
// profile, most of them for the vectors.
class ProfileIngest {
 public:
  // Without an embedder vectors come from callers, have `dimension` numbers and
  // name `model` as what made them.
  explicit ProfileIngest(std::unique_ptr<embedding::Embedder> embedder);
  explicit ProfileIngest(size_t dimension, absl::string_view model = "caller");

  // "<model>/<dimension>/<generation>".
  std::string space() const;
  const VectorRules& vector_rules() const { return rules_; }

  absl::Status Validate(const v1::Profile& profile,
                        const FieldPath& path) const {
    return ValidateProfile(profile, path, rules_);
  }

  // The write that stores a valid profile at `now`. `stored` is what the record
  // held a moment ago, or null: the same content keeps its vectors.
  Put Prepare(v1::Profile profile, absl::Time now, const Entity* stored) const;

  // The write that brings a stored profile to `now`: what has expired is
  // marked and no longer embedded. INTERNAL if the record is damaged.
  absl::StatusOr<Put> Rederive(const Entity& stored, absl::Time now) const;

 private:
  std::unique_ptr<embedding::Embedder> embedder_;
  VectorRules rules_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_PROFILE_INGEST_H_
