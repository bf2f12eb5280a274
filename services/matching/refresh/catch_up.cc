#include "services/matching/refresh/catch_up.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status/errors.h"

namespace mitra::matching {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(50);

// Each of them reads the record by itself, so one is waited for after the
// other.
absl::Status MatchingHasRead(const RefreshTools& tools, uint64_t wanted) {
  const uint64_t has_read = tools.views().revision;
  if (has_read >= wanted) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kUnavailable, "MATCHING_BEHIND",
      absl::StrCat("matching has read the record up to revision ", has_read,
                   " only, the refresh began at ", wanted));
}

absl::Status SearchHasRead(const RefreshTools& tools, uint64_t wanted) {
  const absl::StatusOr<uint64_t> has_read =
      tools.worker->Reach(wanted, tools.timeout);
  if (!has_read.ok()) return has_read.status();
  return *has_read >= wanted ? absl::OkStatus()
                             : SearchIsBehind(*has_read, wanted);
}

}  // namespace

absl::Status CatchUp(const RefreshTools& tools, uint64_t wanted,
                     const std::function<bool(absl::Duration)>& pause,
                     const std::function<void()>& on_wait) {
  wanted = std::max(wanted, tools.views().revision);
  if (tools.head != nullptr) wanted = std::max(wanted, tools.head());
  const absl::Time give_up = absl::Now() + tools.catch_up;
  bool waits = false;
  for (const auto& has_read : {MatchingHasRead, SearchHasRead}) {
    for (;;) {
      const absl::Status read = has_read(tools, wanted);
      if (read.ok()) break;
      if (absl::Now() >= give_up) return read;
      if (!waits) on_wait();
      waits = true;
      if (!pause(kPause)) return absl::CancelledError("stopped");
    }
  }
  return absl::OkStatus();
}

}  // namespace mitra::matching
