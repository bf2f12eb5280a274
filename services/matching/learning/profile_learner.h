// Makes a ranking profile from what became of recommendations, and says whether
// it is better than the one that was there.

#ifndef MITRA_SERVICES_MATCHING_LEARNING_PROFILE_LEARNER_H_
#define MITRA_SERVICES_MATCHING_LEARNING_PROFILE_LEARNER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/matching/learning/outcome_line.h"
#include "services/matching/ranking/ranking_profile.h"

namespace mitra::matching {

struct ProfileLearnOptions {
  // The id of the learned profile.
  std::string id;
  LearnOptions learn;
  // A kind with fewer outcomes keeps its weights.
  size_t min_outcomes = 200;
  // Of a kind's outcomes, by time: the last are tested on, those before them
  // calibrated on, the rest learned from.
  double test_share = .2;
  double calibration_share = .15;
  // A kind takes learned weights if its AUC on the test is at least this much
  // above that of the weights that it has.
  double margin = 0;
  // How far outcomes of candidates that have many are weighed down, 0 to 1
  // (exposure_bias.h).
  double popularity = .5;
};

// How P(match) fared on outcomes that nobody learned from.
struct RankingQuality {
  double auc = .5;
  double ndcg = 0;  // of the first 10 of each list with a match and a miss
  double calibration_error = 0;
};

struct KindReport {
  std::string kind;
  size_t learned_from = 0;
  size_t tested_on = 0;
  size_t lists = 0;  // that NDCG is of
  RankingQuality before, after;
  // The profile has the learned weights; if not, `why_not` says why.
  bool taken = false;
  std::string why_not;
};

struct LearnedProfile {
  RankingProfile profile;
  // Of the kinds that there are outcomes for, in the order of AllKinds().
  std::vector<KindReport> kinds;
};

// INVALID_ARGUMENT if the options are out of range or `id` is no profile id.
// Deterministic; outcomes of equal time keep their order.
absl::StatusOr<LearnedProfile> LearnProfile(std::vector<Outcome> outcomes,
                                            const RankingProfile& before,
                                            const ProfileLearnOptions& options);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_LEARNING_PROFILE_LEARNER_H_
