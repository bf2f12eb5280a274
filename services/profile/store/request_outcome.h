// The small outcome of a request that is kept for repeats: verdicts and
// revisions, no bodies and no texts.

#ifndef MITRA_SERVICES_PROFILE_STORE_REQUEST_OUTCOME_H_
#define MITRA_SERVICES_PROFILE_STORE_REQUEST_OUTCOME_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "services/profile/store/write_batch.h"

namespace mitra::profile {

std::string EncodeOutcome(const CommitResult& result);

// Nothing if the bytes are not an outcome. Refusals come back with their code
// and reason and a general message; owners and verifiers do not come back.
std::optional<CommitResult> DecodeOutcome(absl::string_view bytes);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_STORE_REQUEST_OUTCOME_H_
