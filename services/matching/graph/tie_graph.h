// All evidence, folded into ties, and the graph that is published from them.
//
// Per ordered pair and kind of evidence the graph keeps faded sums of positive
// and negative evidence (r, s; TRUST 1.1); reading them at another time is one
// multiplication, so nothing has to be swept. Complaints are summed by the
// month in which they end, so that each counts until its end and nothing from
// then on (complaint_window.h). A piece that is withdrawn or contested is
// subtracted again, exactly; the order in which evidence arrives does not
// matter (tie_sums.h).
//
// Ties to groups (membership, attendance) are ties like others, between the
// member and the group; they are never expanded to pairs of members.

#ifndef MITRA_SERVICES_MATCHING_GRAPH_TIE_GRAPH_H_
#define MITRA_SERVICES_MATCHING_GRAPH_TIE_GRAPH_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "services/matching/graph/graph_view.h"
#include "services/matching/graph/tie_options.h"
#include "services/matching/members/codes.h"

namespace mitra::matching {

// The first 8 bytes of the keyed hash of an evidence id: what idempotency and
// withdrawal need, without keeping ids.
using EvidenceKey = uint64_t;

// One piece of evidence between members that are known.
struct EvidencePiece {
  EvidenceKey key = 0;
  MemberIndex author = kNoMember;
  MemberIndex about = kNoMember;
  int kind = 0;                   // v1::EvidenceKind
  int64_t event_time = 0;         // Unix seconds
  std::optional<double> quality;  // 0 to 1; the kind's own if absent
  bool counts = true;             // false while contested, or dismissed
  uint64_t revision = 0;
};

// What all evidence of one kind from one member about another adds up to.
struct TieSums {
  double positive = 0;   // r
  double negative = 0;   // s
  uint32_t pieces = 0;   // that have not ended
  int32_t last_end = 0;  // Cause::last_end
};

// One writer; view() is thread-safe.
class TieGraph {
 public:
  explicit TieGraph(const TieOptions& options);
  ~TieGraph();
  TieGraph(const TieGraph&) = delete;
  TieGraph& operator=(const TieGraph&) = delete;

  enum class Folded : uint8_t {
    kNothing,  // the revision is not newer, or the piece was refused
    kChanged,
    kLowered,  // what counted before no longer does, or counts otherwise
  };
  // Takes in a piece, or its new state. A piece about its author, of an unknown
  // kind, or with numbers that are not finite or out of range is refused and
  // counted in stats().refused.
  Folded Fold(const EvidencePiece& piece);
  // The piece no longer counts and its id is remembered as gone. Returns its
  // author if it had counted.
  std::optional<MemberIndex> Withdraw(EvidenceKey key, uint64_t revision);
  // Ends all ties from and to the member and forgets their evidence. Returns
  // the former neighbours.
  std::vector<MemberIndex> RemoveMember(MemberIndex member);

  // Sums at `now` (Unix seconds) of one kind; for tests and explanations.
  TieSums SumsOf(MemberIndex author, MemberIndex about, int kind,
                 int64_t now) const;
  // The tie over all kinds, at full precision.
  std::optional<Tie> TieOf(MemberIndex author, MemberIndex about,
                           int64_t now) const;

  // How much the word of each member counts in others' reputation, 0 to 1, by
  // index; who is beyond the end counts nothing. Null: everybody counts 1.
  // Takes part with the next publications: what has changed is rebuilt some
  // tens of thousands of members at a time, `stale()` says how many are left.
  void SetRaterWeights(std::shared_ptr<const std::vector<float>> weights);
  size_t stale() const;

  // Publishes all changes, weights taken at the end of the half day that `now`
  // (Unix seconds) is in, so that they do not depend on when in it they were
  // taken. Also brings the weights of some quiet members up to date, so that
  // all are at most half a day off: a little with each call, instead of a
  // rebuild in the background that would have to be reconciled with what the
  // writer did meanwhile. `members` is the size of the table.
  void Publish(int64_t now, MemberIndex members);
  // The latest publication. Thread-safe.
  GraphView view() const;

  // Brings all weights up to `now` at once; Publish does this piece by piece.
  void Refresh(int64_t now, MemberIndex members);

  // Forgets everything; published at once.
  void Clear();

  struct Stats {
    // Ordered pairs with evidence that counts; ended complaints are among them.
    uint64_t ties = 0;
    uint64_t evidence = 0;  // pieces remembered, tombstones included
    uint64_t refused = 0;
    size_t sum_bytes = 0;       // sums per pair and kind, and their index
    size_t evidence_bytes = 0;  // remembered pieces and their index
    size_t list_bytes = 0;      // published lists
  };
  Stats stats() const;

  const TieOptions& options() const { return options_; }

  // For snapshots: every remembered piece, tombstones included (author and
  // about kNoMember), in no order. `quality` is always set.
  void VisitEvidence(
      const std::function<void(const EvidencePiece&)>& visit) const;
  // Puts back a visited piece.
  void Restore(const EvidencePiece& piece);

 private:
  struct Impl;
  TieOptions options_;
  std::unique_ptr<Impl> impl_;
  mutable absl::Mutex mutex_;
  GraphView published_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_GRAPH_TIE_GRAPH_H_
