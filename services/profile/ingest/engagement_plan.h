// What follows from a request, an answer, the end of a hold or the deletion of
// a member: the steps of one transaction.

#ifndef MITRA_SERVICES_PROFILE_INGEST_ENGAGEMENT_PLAN_H_
#define MITRA_SERVICES_PROFILE_INGEST_ENGAGEMENT_PLAN_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "mitra/v1/change_feed_service.pb.h"
#include "mitra/v1/engagements_service.pb.h"
#include "mitra/v1/profile.pb.h"
#include "services/profile/ingest/engagement_states.h"
#include "services/profile/store/write_batch.h"

namespace mitra::profile {

struct EngagementRules {
  // How long a request holds its seat.
  absl::Duration hold = absl::Hours(72);
  // How long a member that declined is not asked again by the same seeker.
  absl::Duration cool_down = absl::Hours(30 * 24);
  // Requests that one seeker may have without an answer.
  int max_open_requests = 10;
  // Requests that one mentor or facilitator gets in any 7 days; 0: no limit.
  int weekly_requests = 50;
};

// NOT_FOUND (ENGAGEMENT_NOT_FOUND); also what strangers are told.
absl::Status EngagementNotFound();

// The stored engagement without output-only fields but the times of its state.
// INTERNAL (DAMAGED_RECORD) if the bytes cannot be read.
absl::StatusOr<v1::Engagement> StoredEngagement(const Entity& entity);

// Made and used up within one decision (Decide): checks by what the
// transaction sees and collects what is to be done. An error of a method means
// that nothing must be done.
class EngagementPlan {
 public:
  // Both must outlive the object.
  EngagementPlan(TransactionView& view, const EngagementRules& rules,
                 absl::Time now);

  // Asks, as `wanted` says (engagement_id, the two members, role, alternates,
  // note). `mark` finds the engagement again when the request is repeated.
  absl::Status Request(v1::Engagement wanted, const std::string& mark);
  // Moves an engagement; the actor is one of its sides.
  absl::Status Change(const v1::ChangeEngagementRequest& request,
                      std::optional<uint64_t> expected_revision);
  // Ends a hold that is over; nothing if it is answered already.
  absl::Status Expire(const std::string& engagement_id);
  // Deletes a member with its engagements: seats are freed, who waited for the
  // member is brought to the next choice, and nobody's choices name it.
  absl::Status Delete(DeleteMember deletion);

  std::vector<Step> TakeSteps();

 private:
  struct Party {
    bool exists = false;
    v1::Profile profile;
    v1::Standing standing;
    bool changed = false;
  };

  absl::StatusOr<Party*> Find(const std::string& member);
  absl::StatusOr<bool> Blocked(const std::string& a, const std::string& b);
  // May the seeker ask this provider now?
  absl::Status CheckMayAsk(const v1::Engagement& wanted);
  absl::Status CheckHistory(const v1::Engagement& wanted);
  absl::Status CheckWeek(const v1::Engagement& wanted);
  // Takes the engagement to a state and counts the provider's seats.
  absl::Status Move(v1::Engagement& engagement, v1::EngagementState to);
  absl::Status Open(v1::Engagement engagement, const std::string& mark,
                    bool is_first);
  // Asks the first alternate that can be asked; gives the new id or "".
  absl::StatusOr<std::string> AskNext(const v1::Engagement& closed,
                                      const std::string& note);
  absl::Status AddEvidence(const v1::Engagement& engagement, Side side,
                           const v1::ChangeEngagementRequest& request);
  Put PutOf(const v1::Engagement& engagement) const;

  TransactionView& view_;
  const EngagementRules& rules_;
  const absl::Time now_;
  std::vector<Step> steps_;
  absl::btree_map<std::string, Party> parties_;
  absl::flat_hash_set<std::string> closed_;  // by this plan
  std::vector<v1::Engagement> opened_;       // by this plan
};

// What `take` makes of a plan, decided inside the transaction.
Decide DecideByPlan(std::string key, const EngagementRules& rules,
                    absl::Time now,
                    std::function<absl::Status(EngagementPlan&)> take);

// The decisions that need no caller.
Decide ExpireEngagement(const std::string& engagement_id,
                        const EngagementRules& rules, absl::Time now);
Decide DeleteMemberWithEngagements(DeleteMember deletion,
                                   const EngagementRules& rules,
                                   absl::Time now);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_ENGAGEMENT_PLAN_H_
