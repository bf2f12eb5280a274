// Feedback as writes, and the tokens that say what it is about.

#ifndef MITRA_SERVICES_PROFILE_INGEST_FEEDBACK_PUTS_H_
#define MITRA_SERVICES_PROFILE_INGEST_FEEDBACK_PUTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/attribution_token.h"
#include "common/validation/field_checks.h"
#include "mitra/v1/feedback_service.pb.h"
#include "services/profile/ingest/redirects.h"
#include "services/profile/store/write_batch.h"

namespace mitra::profile {

// What a token said, as it is kept and shown.
v1::Attribution ToProto(const Attribution& attribution);

// Who gives feedback, and by what it is checked.
struct FeedbackSource {
  std::string caller;  // CallerKey()
  // The member that acts, or empty; may be of before a merge.
  std::string actor;
  std::string token_key;  // of the record
  const Redirects& redirects;
  absl::Time now;
};

// The write that records a piece. It hangs on the subject, which must be the
// caller's own, and on the candidate, and goes with either; the token is not
// kept. Content that was given before is the same entity. INVALID_ARGUMENT
// names the fields from `path` on, as feedback_service.proto says.
absl::StatusOr<Put> PrepareFeedback(v1::Feedback feedback,
                                    const FeedbackSource& source,
                                    const FieldPath& path);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_FEEDBACK_PUTS_H_
