// The network as the change feed has told it so far: members, blocks, consents,
// engagements, ties, and what cannot be placed yet.
//
// Order. The snapshot comes by type and key, each page a short read of its
// own, and a compacted feed gives a member at its *latest* revision, which can
// be after evidence, blocks, consents and engagements that name it. What names
// a member that is not there yet therefore waits, under the member's id, until
// it comes in the right life; it is dropped when that life turns out to be
// over.

#ifndef MITRA_SERVICES_MATCHING_STATE_KNOWN_NETWORK_H_
#define MITRA_SERVICES_MATCHING_STATE_KNOWN_NETWORK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "mitra/v1/change_feed_service.pb.h"
#include "services/matching/graph/tie_graph.h"
#include "services/matching/members/member_table.h"
#include "services/matching/state/matching_view.h"
#include "services/matching/trust/vouching.h"

namespace mitra::matching {

// What is said of the record as a whole.
struct RecordFacts {
  std::string hash_key;  // of id hashes
  std::string space;     // embedding space
  // Of page and attribution tokens; null before it is known.
  std::shared_ptr<const std::string> token_key;
  uint64_t incarnation = 0;
  uint64_t last_change = 0;  // the revision of the latest change applied
  // Copied when it changes: members are merged now and then. Null: none.
  std::shared_ptr<const Redirects> redirects;
};

// Not thread-safe: the feed's thread only. Applying a change twice, or an older
// one late, changes nothing.
class KnownNetwork {
 public:
  KnownNetwork(const TieOptions& ties, const SupplyLevels& supply);

  absl::Status SetHeader(const v1::FeedHeader& header);
  // INVALID_ARGUMENT for a change that no version of the record writes.
  absl::Status Apply(const v1::Change& change);
  // Forgets everything but the header's facts; the summary says so.
  void Clear();

  // Whose word counts how much; nobody is weighed if there are no vouchers.
  void Weigh(std::shared_ptr<const Vouching> vouching);

  // What was changed since it was taken last.
  CommitSummary TakeSummary();
  void MarkReset() { summary_.reset = true; }

  MemberTable& members() { return members_; }
  const MemberTable& members() const { return members_; }
  TieGraph& ties() { return ties_; }
  const TieGraph& ties() const { return ties_; }
  RecordFacts& record() { return record_; }
  const RecordFacts& record() const { return record_; }

  size_t waiting() const { return waiting_count_; }
  void VisitWaiting(
      const std::function<void(const v1::Change& change)>& visit) const;

 private:
  absl::Status ApplyProfile(const v1::ProfileChange& change, uint64_t revision);
  absl::Status ApplyDeletion(const v1::ProfileDeletion& deletion,
                             uint64_t revision);
  void ApplyEvidence(const v1::Change& change);
  void ApplyWithdrawal(const v1::EvidenceWithdrawal& withdrawal,
                       uint64_t revision);
  void ApplyBlock(const v1::Change& change);
  void ApplyConsent(const v1::Change& change);
  void ApplyEngagement(const v1::Change& change);
  void ApplyRedirect(const v1::RedirectChange& redirect);
  // Applies what has waited for the member.
  absl::Status ApplyWaiting(const std::string& id);

  // The living member of that life; kNoMember if the change must wait or is
  // void. `wait` tells which.
  MemberIndex Resolve(const std::string& id, uint64_t incarnation, bool& wait);
  void Wait(const std::string& id, const v1::Change& change);
  IdHash HashOf(absl::string_view id) const;
  EvidenceKey KeyOf(absl::string_view evidence_id) const;

  MemberTable members_;
  TieGraph ties_;
  RecordFacts record_;
  // By the id of the member who is not there yet.
  absl::flat_hash_map<std::string, std::vector<v1::Change>> waiting_;
  size_t waiting_count_ = 0;
  CommitSummary summary_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_STATE_KNOWN_NETWORK_H_
