// Read-your-writes for handlers: wait until a follower has applied a revision,
// holding no thread.

#ifndef MITRA_COMMON_FEED_WAIT_FOR_REVISION_H_
#define MITRA_COMMON_FEED_WAIT_FOR_REVISION_H_

#include <algorithm>

#include "absl/time/clock.h"
#include "common/feed/follower.h"
#include "common/rpc/call_context.h"
#include "common/rpc/task.h"

namespace mitra::feed {

// True once `revision` is applied; false after half of the call's remaining
// time, at most 500 ms (the answer is then stale and must say so).
inline rpc::Task<bool> WaitForRevision(Follower& follower,
                                       const rpc::CallContext& call,
                                       uint64_t revision) {
  if (revision <= follower.position().watermark) co_return true;
  const absl::Time deadline =
      absl::Now() + std::min(call.remaining() / 2, absl::Milliseconds(500));
  auto start = [&](std::function<void(bool)> done) {
    follower.NotifyWhen(revision, deadline, std::move(done));
  };
  co_return co_await rpc::Callback<bool>(start);
}

}  // namespace mitra::feed

#endif  // MITRA_COMMON_FEED_WAIT_FOR_REVISION_H_
