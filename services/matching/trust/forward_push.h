// Personal trust: how much of a walk from the subject ends at each member.
//
// Forward push (Andersen, Chung, Lang, "Local graph partitioning using
// PageRank vectors", FOCS 2006) over the published shares: work is bounded by
// 1 / (alpha * rmax) and by the edge budget, independent of the graph's size.
// Deviations: where a member's shares sum to less than 1 (nobody to go to, or
// a limit of TieOptions reached), the rest returns to the subject, so that
// settled and residual mass always sum to 1; large residuals are passed on
// before small ones, in three rounds, each first in, first out: fewer edges for
// the same bound, and the same view gives the same answer, bit for bit.
//
// What fakes can reach: mass enters a set of members only over ties from
// outside into it, so a ring of fakes gets no more than the share of the ties
// that honest members gave it, each at most TieOptions::edge_share_cap of what
// leaves its giver, plus, if fakes vouch for honest members, what goes
// backwards over such ties: at most TieOptions::reverse_share of what leaves
// those members, however many fakes there are, and nothing to whom they
// complained of. The same bound, not the count
// of admirers, limits what strangers' praise can add to a member. Not covered:
// honest members who are talked into real ties, and groups that let in
// anybody (at most group_share of what the group receives).

#ifndef MITRA_SERVICES_MATCHING_TRUST_FORWARD_PUSH_H_
#define MITRA_SERVICES_MATCHING_TRUST_FORWARD_PUSH_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "common/base/prefetch.h"
#include "services/matching/graph/graph_view.h"
#include "services/matching/members/codes.h"

namespace mitra::matching {

struct PushOptions {
  // Share of a member's mass that settles there; the restart probability.
  double alpha = .5;
  // Stops when no residual exceeds rmax * degree.
  double rmax = 1e-6;
  // Stops after this many edges.
  uint32_t edge_budget = 200'000;
  // Keep at most this many members, those with most mass; 0: all.
  uint32_t max_members = 5'000;
};

struct TrustEntry {
  MemberIndex member;
  float mass;  // settled + residual / 1000: orders what is not settled yet
};

// Personal trust of one subject; immutable once made.
struct TrustVector {
  MemberIndex subject = kNoMember;
  uint64_t subject_incarnation = 0;  // filled in by who knows it
  uint64_t graph_epoch = 0;
  uint32_t out_epoch = 0;           // NodeFacts::out_epoch of the subject
  std::vector<TrustEntry> entries;  // by member; the subject left out
  double subject_mass = 0;          // settled at the subject itself
  double settled = 0;      // settled everywhere, subject and dropped too
  double residual = 0;     // = 1 - settled: bound of the L1 error
  bool truncated = false;  // ended at the edge budget
  uint32_t edges_pushed = 0;
  uint32_t touched = 0;  // members reached before max_members
  // Which members took part, a Bloom filter; see MayContain.
  std::vector<uint64_t> members_filter;
  // Top(kHeaviest), where somebody has filled it in; else empty.
  std::vector<TrustEntry> heaviest;
  static constexpr size_t kHeaviest = 768;

  // Where in `entries` members with the same upper bits begin: see MakeIndex.
  std::vector<uint32_t> begins;
  int begin_shift = 0;

  // Makes look-ups a matter of one place in memory, for who looks up many.
  // `entries` must not change afterwards.
  void MakeIndex();
  // Mass of a member; 0 if it was not reached or was dropped. O(log n).
  double MassOf(MemberIndex member) const;
  // Begins to load what MassOf reads.
  void Prefetch(MemberIndex member) const {
    const size_t bucket = member >> begin_shift;
    if (bucket + 1 < begins.size()) {
      PrefetchLine(entries.data() + begins[bucket]);
    }
  }
  // False only if the walk surely never reached the member.
  bool MayContain(MemberIndex member) const;
  // The `n` entries with most mass, most first, equal mass by member.
  std::vector<TrustEntry> Top(size_t n) const;
  size_t bytes() const;
};

// Working memory of one thread, reused: some 40 bytes for each member that a
// walk reaches, however large the graph is.
class PushWorkspace {
 public:
  PushWorkspace();
  ~PushWorkspace();
  PushWorkspace(const PushWorkspace&) = delete;
  PushWorkspace& operator=(const PushWorkspace&) = delete;
  // The calling thread's own.
  static PushWorkspace& ForThisThread();

 private:
  friend TrustVector ForwardPush(const GraphView&, MemberIndex,
                                 const PushOptions&, PushWorkspace&);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Trust of `subject` in others. A subject without ties gets an empty vector
// with all mass at itself. Same view and options, same result.
TrustVector ForwardPush(const GraphView& graph, MemberIndex subject,
                        const PushOptions& options, PushWorkspace& workspace);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_TRUST_FORWARD_PUSH_H_
