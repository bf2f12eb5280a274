// The grammar of ids, and ids that the server makes.
//
// One grammar holds for members, evidence and engagements, on every entrance:
// `[A-Za-z0-9][A-Za-z0-9._~-]{0,63}`, case-sensitive ASCII. All of it survives
// URLs, Redis keys and files unescaped.

#ifndef MITRA_COMMON_BASE_IDS_H_
#define MITRA_COMMON_BASE_IDS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mitra {

bool IsValidId(absl::string_view id);

// INVALID_ARGUMENT naming `field` unless `id` follows the grammar.
absl::Status ValidateId(absl::string_view field, absl::string_view id);

// A new id: 26 characters, ordered by time of creation within the process
// (ULID). Thread-safe.
std::string NewUlid();

// The id of evidence that came without one; the same input gives the same id,
// so that a repeat is the same evidence.
std::string EvidenceIdOf(absl::string_view author, absl::string_view about,
                         int kind, absl::Time event_time,
                         absl::string_view external_ref);

}  // namespace mitra

#endif  // MITRA_COMMON_BASE_IDS_H_
