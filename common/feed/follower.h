// Follows the change feed of the record: snapshot, tail, watermark.
//
// There is no other way for facts to reach search and matching. A follower
// gives every change, in the order of revisions, to a FeedSink from one thread
// of its own. It reconnects with back-off, starts afresh when the record has
// another incarnation or what it asked for is gone, and is READY once it has
// reached the head that it saw at its start.

#ifndef MITRA_COMMON_FEED_FOLLOWER_H_
#define MITRA_COMMON_FEED_FOLLOWER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "mitra/v1/change_feed_service.pb.h"

namespace mitra::feed {

// Where a follower stands.
struct Position {
  uint64_t record_incarnation = 0;
  uint64_t watermark = 0;  // every change up to here is applied
};

// The domain side of a follower. Called from one thread only.
class FeedSink {
 public:
  virtual ~FeedSink() = default;
  // Everything known so far is void: the record is another one, or a snapshot
  // follows. `header` carries the embedding space and the key of id hashes.
  virtual absl::Status Reset(const v1::FeedHeader& header) = 0;
  // Seen with every connection; must be kept for id hashes and the space.
  virtual absl::Status SetHeader(const v1::FeedHeader& header) = 0;
  // Applies one change. Applying it twice, or an older one late, must change
  // nothing. An error stops the process: a follower must not skip a fact.
  virtual absl::Status Apply(const v1::Change& change) = 0;
  // Everything up to `watermark` has been applied. Called after a batch or a
  // few that came in quick succession, after each progress mark (about once a
  // second, with the same watermark), and once after a whole snapshot; the sink
  // makes the changes visible to readers here.
  virtual absl::Status Commit(uint64_t watermark) = 0;
  // Attribution tokens of candidates that were shown, if the selector asks for
  // them: no facts, told once at most and in no order with the changes.
  virtual void Shown(
      const google::protobuf::RepeatedPtrField<std::string>& /*tokens*/) {}
};

// Keyed hash of a member id under which deletions travel: 16 bytes.
std::string IdHash(absl::string_view key, absl::string_view profile_id);

// Where changes come from; fakes implement it for tests of sinks.
class FeedSource {
 public:
  virtual ~FeedSource() = default;
  // One page of the snapshot.
  virtual absl::StatusOr<v1::ReadSnapshotResponse> ReadSnapshot(
      const v1::ReadSnapshotRequest& request) = 0;
  // Calls `next` for each batch until it returns false or the stream ends; it
  // may take the content away. Returns the stream's status; OK after `next`
  // returned false. Called from a thread other than ReadSnapshot's.
  virtual absl::Status Watch(
      const v1::WatchRequest& request,
      const std::function<bool(v1::WatchResponse&)>& next) = 0;
  // Makes a blocked Watch return soon. Called from another thread.
  virtual void Stop() = 0;
};

// Thread-safe but for Start and Stop.
class Follower {
 public:
  struct Options {
    v1::FeedSelector selector;
    // Where the sink already stands (from its own snapshot); zero: nowhere.
    Position start;
    absl::Duration min_backoff = absl::Milliseconds(50);
    absl::Duration max_backoff = absl::Seconds(2);
    // Changes that follow another commit within this time are committed
    // together at its end.
    absl::Duration commit_period = absl::Milliseconds(5);
    // Called once, from the follower's thread, when it stops for good because
    // the sink refused a change.
    std::function<void(const absl::Status&)> on_failure;
  };
  Follower(std::unique_ptr<FeedSource> source, FeedSink& sink, Options options);
  ~Follower();

  void Start();
  void Stop();

  Position position() const;
  // The latest head that the record told of.
  uint64_t head() const;
  // The head seen at start has been reached once.
  bool ready() const;
  // Connected, or within back-off.
  bool connected() const;
  // Why the follower stopped for good; OK while it runs.
  absl::Status status() const;
  // Waits until `revision` is applied. False when `deadline` comes first.
  bool WaitFor(uint64_t revision, absl::Time deadline) const;
  // The same without a thread: calls `done` once, with true when `revision` is
  // applied or with false at `deadline` or when the follower stops; at once if
  // it already is.
  void NotifyWhen(uint64_t revision, absl::Time deadline,
                  std::function<void(bool)> done);

 private:
  struct State;
  void Run();
  std::unique_ptr<State> state_;
};

}  // namespace mitra::feed

#endif  // MITRA_COMMON_FEED_FOLLOWER_H_
