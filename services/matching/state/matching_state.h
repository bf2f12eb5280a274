// Everything that matching knows, kept up to date from the change feed.
//
// The follower's thread writes, requests read a MatchingView: members, blocks
// and ties of one watermark. Applying a change twice, or an older one late,
// changes nothing: members and evidence are guarded by revision and by the
// life (incarnation) they belong to.

#ifndef MITRA_SERVICES_MATCHING_STATE_MATCHING_STATE_H_
#define MITRA_SERVICES_MATCHING_STATE_MATCHING_STATE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/feed/follower.h"
#include "services/matching/graph/tie_options.h"
#include "services/matching/members/eligibility.h"
#include "services/matching/state/matching_view.h"
#include "services/matching/trust/vouching.h"

namespace mitra::matching {

class MatchingState final : public feed::FeedSink {
 public:
  struct Options {
    TieOptions ties;
    SupplyLevels supply;
    std::function<absl::Time()> clock = absl::Now;
    // Called on the feed's thread after each publication.
    std::function<void(const CommitSummary&)> on_commit;
    // Called on the feed's thread with tokens of what was shown.
    std::function<void(const google::protobuf::RepeatedPtrField<std::string>&)>
        on_shown;
  };
  explicit MatchingState(Options options);
  ~MatchingState() override;

  // What the follower must ask the feed for.
  static v1::FeedSelector Selector();

  // FeedSink; the feed's thread only.
  absl::Status Reset(const v1::FeedHeader& header) override;
  absl::Status SetHeader(const v1::FeedHeader& header) override;
  absl::Status Apply(const v1::Change& change) override;
  absl::Status Commit(uint64_t watermark) override;
  void Shown(
      const google::protobuf::RepeatedPtrField<std::string>& tokens) override;

  // The latest committed state. Thread-safe.
  MatchingView view() const;

  // Whose word counts how much from now on; takes part from the next commit on,
  // and is kept in snapshots. Thread-safe.
  void SetVouching(std::shared_ptr<const Vouching> vouching);
  // The latest that took part; null before the first. Thread-safe.
  std::shared_ptr<const Vouching> vouching() const;

  // Where a follower must go on. Thread-safe.
  feed::Position position() const;

  // Writes the committed state to `path`, atomically, or reads it back. Load
  // leaves the state empty and returns an error when there is no usable
  // snapshot: the follower then starts afresh. The feed's thread only, or
  // before it starts.
  absl::Status Save(const std::string& path) const;
  absl::Status Load(const std::string& path);

  struct Stats {
    size_t members = 0;  // living
    uint64_t ties = 0;
    uint64_t evidence = 0;
    size_t waiting = 0;  // pieces that wait for a member
    size_t member_bytes = 0;
    size_t tie_bytes = 0;
    size_t stale_reputations = 0;  // that wait for new weights of their raters
  };
  // Thread-safe; of the last commit.
  Stats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_STATE_MATCHING_STATE_H_
