#include "services/matching/rpc/feed_gate.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/status/errors.h"

namespace mitra::matching {

absl::Status CheckReady(bool ready) {
  if (ready) return absl::OkStatus();
  return WithRetryDelay(
      MakeError(absl::StatusCode::kUnavailable, "NOT_READY",
                "matching has not caught up with the record yet"),
      absl::Milliseconds(500));
}

void NameRevision(const MatchingView& view, rpc::CallContext& call) {
  call.SetTrailer(rpc::kRevisionKey,
                  absl::StrCat(view.record_incarnation, "-", view.revision));
}

}  // namespace mitra::matching
