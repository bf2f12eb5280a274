// The public stream of events: what platforms follow to act on changes.

#ifndef MITRA_SERVICES_PROFILE_FEED_EVENT_STREAM_H_
#define MITRA_SERVICES_PROFILE_FEED_EVENT_STREAM_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "common/rpc/executor.h"
#include "common/rpc/task.h"
#include "mitra/v1/events_service.pb.h"
#include "services/profile/feed/change_feed.h"
#include "services/profile/store/record_store.h"

namespace mitra::profile {

// Thread-safe. Reads the record's index over revisions, as the change feed
// does; what a caller has not taken is held nowhere.
class EventStream {
 public:
  // All must outlive the object.
  EventStream(RecordStore& store, ChangeFeed& feed, rpc::Executor& executor)
      : store_(store), feed_(feed), executor_(executor) {}

  // The revision after which the stream that is asked for begins, or why there
  // is none: INVALID_ARGUMENT, FAILED_PRECONDITION (RECORD_REPLACED),
  // OUT_OF_RANGE (REVISION_AHEAD), PERMISSION_DENIED for members.
  absl::StatusOr<uint64_t> Begin(const rpc::CallContext& call,
                                 const v1::WatchEventsRequest& request) const;

  // Takes down which slates are current, under an order that only rises; gives
  // the order that the record knows then. INVALID_ARGUMENT for order 0 or an
  // unknown kind.
  rpc::Task<absl::StatusOr<uint64_t>> TellEpoch(rpc::CallContext& call,
                                                const v1::EpochEvent& epoch,
                                                absl::Time now);

  // The next message after a revision: events, or a progress mark once that has
  // waited for the feed's period. UNAVAILABLE once the feed is stopped.
  rpc::Task<absl::StatusOr<v1::WatchEventsResponse>> Next(
      const rpc::CallContext& call, const v1::WatchEventsRequest& request,
      uint64_t after);

 private:
  absl::StatusOr<uint64_t> KnownOrder() const;
  absl::StatusOr<v1::WatchEventsResponse> Read(
      const rpc::CallContext& call, const v1::WatchEventsRequest& request,
      uint64_t after) const;
  bool AppendEvent(const rpc::CallContext& call,
                   const v1::WatchEventsRequest& request, const Change& change,
                   v1::Event& event) const;
  bool Sees(const rpc::CallContext& call, const Entity& entity,
            const v1::Engagement& engagement) const;

  RecordStore& store_;
  ChangeFeed& feed_;
  rpc::Executor& executor_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_FEED_EVENT_STREAM_H_
