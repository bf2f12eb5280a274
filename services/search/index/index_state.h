// The writer of the index: applies the change feed and publishes views.

#ifndef MITRA_SERVICES_SEARCH_INDEX_INDEX_STATE_H_
#define MITRA_SERVICES_SEARCH_INDEX_INDEX_STATE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/feed/follower.h"
#include "services/search/index/index_view.h"
#include "services/search/persistent/rcu_cell.h"

namespace mitra::search {

// Reason of the error when the record has moved to another embedding space.
inline constexpr char kSpaceChanged[] = "SPACE_CHANGED";

// A deleted member: the keyed hash of its id and the last life that ended.
using Tombstones = absl::flat_hash_map<std::string, uint64_t>;

// Thread-safe. Readers take no lock; the feed and maintenance take turns.
class IndexState : public feed::FeedSink {
 public:
  struct Options {
    RolePolicy roles;
    int graph_links = 24;
    int build_breadth = 80;
    // How many rows ask when a new graph is calibrated; see SampleQueries.
    size_t calibration_rows = 180;
    // Says why an embedding space cannot be served; OK if it can.
    std::function<absl::Status(absl::string_view space, size_t dimension)>
        accept_space;
    // Called after a commit, from the feed's thread.
    std::function<void()> on_commit;
  };
  explicit IndexState(Options options);

  // FeedSink. FAILED_PRECONDITION with a text that says what does not fit, if
  // the feed speaks of another space or its changes are not what they must be.
  absl::Status Reset(const v1::FeedHeader& header) override;
  absl::Status SetHeader(const v1::FeedHeader& header) override;
  absl::Status Apply(const v1::Change& change) override;
  absl::Status Commit(uint64_t watermark) override;

  // The latest state, without a lock.
  RcuCell<IndexView>::Guard Read() const { return view_.Read(); }
  // False from a Reset by another record until its first Commit.
  bool usable() const { return usable_.load(std::memory_order_acquire); }
  // No role waits for a graph.
  bool settled() const;

  // Does one piece of background work (building a graph, merging text, giving
  // rows back). True if there may be more. For one thread, which `stop` makes
  // return early. A graph is built by `threads`.
  bool Maintain(const std::atomic<bool>& stop, int threads = 1);

  // Sets how broad the walks of a role's graph are by `asked`, the latest of
  // `count` questions that people asked of it, unless it was done lately. True
  // if it was done. For the thread of Maintain.
  bool Tune(int role, absl::Span<const Query> asked, uint64_t count,
            const std::atomic<bool>& stop);

  // A view and the tombstones that belong to it.
  struct Frozen {
    std::shared_ptr<const IndexView> view;
    Tombstones tombstones;
  };
  Frozen Freeze() const;

  // What a snapshot brings back.
  struct Restored {
    struct Facet {
      uint8_t role;
      uint32_t row;
      RowFacts facts;  // without the member number
    };
    struct RestoredMember {
      std::string id;
      std::string display_name;
      std::string region_code;
      Member::Fields fields;  // without texts
      std::vector<Facet> facets;
    };
    struct Role {
      RoleIndex::Vectors vectors;
      std::shared_ptr<HnswPartition> graph;  // may be null
    };
    uint64_t watermark = 0;
    uint64_t record_incarnation = 0;
    std::string space;
    uint32_t dimension = 0;
    std::string id_hash_key;
    std::vector<RestoredMember> members;  // by number; empty id: none
    std::array<Role, kRoles> roles;
    LexicalIndex lexical;
    Tombstones tombstones;
  };
  // Takes the state of a snapshot and publishes it. DATA_LOSS if its parts do
  // not fit together; nothing has changed then.
  absl::Status Restore(Restored restored);

  struct RoleFigures {
    size_t live = 0;
    size_t dead = 0;
    size_t outside = 0;
    size_t graph = 0;
    RoleIndex::Bytes bytes;
    absl::Duration oldest_dead;
    bool building = false;
    double care = 0;  // of the graph's walks; 0 without one
    // The care was chosen by questions that people asked.
    bool tuned = false;
    // Leans whose walks begin at pivots, or that scan lists instead.
    size_t leans_from_pivots = 0;
    size_t leans_by_lists = 0;
  };
  struct Figures {
    size_t members = 0;
    size_t tombstones = 0;
    size_t documents = 0;
    // Bytes in use: all, and of it what does not belong to one role.
    size_t bytes = 0;
    size_t member_bytes = 0;
    size_t id_bytes = 0;
    size_t text_bytes = 0;
    uint64_t applied = 0;
    uint64_t ignored = 0;
    std::array<RoleFigures, kRoles> roles;
  };
  Figures figures() const;

 private:
  // Everything that Reset throws away.
  struct Contents {
    explicit Contents(size_t dimension);
    std::vector<RoleIndex> roles;
    MemberVector members;
    size_t live_members = 0;
    size_t member_bytes = 0;  // of live ones
    std::vector<uint32_t> free_members;
    std::shared_ptr<IdTable> ids;
    LexicalIndex lexical;
    Tombstones tombstones;
    uint64_t next_serial = 1;
  };

  absl::Status TakeHeader(const v1::FeedHeader& header)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status ApplyProfile(const v1::ProfileChange& change, uint64_t revision)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ApplyDeletion(const v1::ProfileDeletion& deletion)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void PutMember(Contents& contents, uint32_t number, MemberRef member);
  uint32_t NewMember(uint64_t hash) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RemoveMember(uint32_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReclaimRows() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool BuildOneGraph(const std::atomic<bool>& stop, int threads);
  bool MergeText();

  const Options options_;
  const std::shared_ptr<ViewTracker> tracker_;
  mutable absl::Mutex mutex_;
  uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;  // counts Resets
  uint64_t version_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t watermark_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t record_incarnation_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string space_ ABSL_GUARDED_BY(mutex_);
  size_t dimension_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string id_hash_key_ ABSL_GUARDED_BY(mutex_);
  // Changes were applied that no commit has made visible yet: only Commit may
  // publish, so that readers never see half of a batch.
  bool uncommitted_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t applied_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t ignored_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Contents> contents_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> usable_{false};
  RcuCell<IndexView> view_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_INDEX_INDEX_STATE_H_
