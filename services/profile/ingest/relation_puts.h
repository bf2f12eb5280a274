// Consents and blocks as writes, for single calls and imports.

#ifndef MITRA_SERVICES_PROFILE_INGEST_RELATION_PUTS_H_
#define MITRA_SERVICES_PROFILE_INGEST_RELATION_PUTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/validation/field_checks.h"
#include "mitra/v1/relation.pb.h"
#include "services/profile/store/write_batch.h"

namespace mitra::profile {

// Under which key a block is stored.
std::string BlockKey(absl::string_view blocker, absl::string_view blocked);
// Under which key a member's decision on a purpose is stored.
std::string ConsentKey(absl::string_view member, v1::ConsentPurpose purpose);

// The writes that record them. They belong to the member that decides, whoever
// wrote them before. INVALID_ARGUMENT names the fields from `path` on.
absl::StatusOr<Put> PrepareConsent(v1::Consent consent, const FieldPath& path);
absl::StatusOr<Put> PrepareBlock(v1::Block block, const FieldPath& path);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_RELATION_PUTS_H_
