// The ranking profiles that a process knows, and which of them serve: one, or
// several arms that share the members between them.

#ifndef MITRA_SERVICES_MATCHING_RANKING_RANKING_BOARD_H_
#define MITRA_SERVICES_MATCHING_RANKING_RANKING_BOARD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "services/matching/ranking/ranking_profile.h"

namespace mitra::matching {

struct RankingArm {
  std::string profile;
  double share = 0;
};

// Who of the subjects is served by which profile, as of one moment. Copyable;
// the profiles must outlive it (those of a board live as long as that).
class RankingArms {
 public:
  // All by one; by the profile that ships.
  explicit RankingArms(const RankingProfile& only) : served_{{&only, 1}} {}
  RankingArms() : RankingArms(RankingProfile::Default()) {}

  // A subject always gets the same arm while the arms stay the same, and when a
  // share grows, those who were inside stay inside as long as the arms before
  // it keep theirs. A subject without an id gets the first arm.
  const RankingProfile& Of(absl::string_view subject) const;
  // One of the profiles is so.
  bool Any(absl::FunctionRef<bool(const RankingProfile&)> is_so) const;

 private:
  friend class RankingBoard;
  struct Served {
    const RankingProfile* profile;
    double until;  // of the arms up to this one, by share
  };
  std::vector<Served> served_;
};

// What a board serves by, as a whole.
struct RankingPlan {
  // Sorted by id; profiles of a board live as long as it does.
  std::vector<const RankingProfile*> profiles;
  std::vector<RankingArm> arms;
};

// True if both order alike.
bool SameWeights(const RankingProfile& a, const RankingProfile& b);

// Thread-safe. Profiles are never freed, so that whoever found one may keep it
// for as long as the board lives; hence their number is bounded.
class RankingBoard {
 public:
  static constexpr size_t kMaxProfiles = 256;
  static constexpr size_t kMaxArms = 8;

  // Knows RankingProfile::Default() and serves by it alone.
  RankingBoard();

  // Adds profiles and serves by `arms` from now on; all or nothing. With
  // `check_only` nothing changes and the answer is what it would be.
  // INVALID_ARGUMENT, naming the field: a profile that does not validate
  // ("profiles[0]…"), or ("arms…") none or more than 8 arms, a profile that is
  // unknown or named twice, a share outside (0, 1], a sum that is not 1.
  // ALREADY_EXISTS, reason RANKING_PROFILE_EXISTS: other weights under a known
  // id. RESOURCE_EXHAUSTED, reason RANKING_PROFILES_FULL.
  absl::StatusOr<RankingPlan> Apply(const std::vector<RankingProfile>& profiles,
                                    const std::vector<RankingArm>& arms,
                                    bool check_only = false);

  // The profile with this id, or, for an empty id, that of the subject's arm;
  // null if unknown.
  const RankingProfile* Find(absl::string_view id,
                             absl::string_view subject) const;

  // Arms of other times, whose shares were checked then. FAILED_PRECONDITION
  // (RANKING_PROFILE_UNKNOWN) if one of the profiles is not known (any more).
  absl::StatusOr<RankingArms> Resolve(
      const std::vector<RankingArm>& arms) const;

  RankingPlan plan() const;

 private:
  const RankingProfile* FindLocked(absl::string_view id) const
      ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<RankingArms> ResolveLocked(const std::vector<RankingArm>& arms)
      const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  absl::Status CheckArms(const std::vector<RankingProfile>& added,
                         const std::vector<RankingArm>& arms) const
      ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  std::map<std::string, std::unique_ptr<const RankingProfile>, std::less<>>
      profiles_ ABSL_GUARDED_BY(mutex_);
  std::vector<RankingArm> arms_ ABSL_GUARDED_BY(mutex_);
  RankingArms served_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_RANKING_BOARD_H_
