// Everything that one ranking needs, made once: how candidates come in and are
// scored. Internal to the recommender.

#ifndef MITRA_SERVICES_MATCHING_RANKING_RECOMMENDER_WORK_H_
#define MITRA_SERVICES_MATCHING_RANKING_RECOMMENDER_WORK_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "services/matching/members/eligibility.h"
#include "services/matching/ranking/joint_utility.h"
#include "services/matching/ranking/pair_features.h"
#include "services/matching/ranking/recommender.h"

namespace mitra::matching {

// A similarity that nobody knows.
inline constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();

// Members that the walk reached and that stand in a wanted role, best first, at
// most `count`.
std::vector<MemberIndex> WalkCandidates(const MatchingView& view,
                                        const KindSpec& kind,
                                        const TrustVector& trust, size_t count);

struct Recommender::Work {
  Work(const MatchingView& the_view, const Subject& the_subject,
       const RankQuery& the_query, std::shared_ptr<const TrustVector> the_trust,
       int64_t now)
      : view(the_view),
        subject(the_subject),
        query(the_query),
        trust(std::move(the_trust)),
        features(
            view.members, view.graph, subject, *query.kind,
            CountingRoles(*subject.member, *query.kind, query.subject_roles),
            trust.get()),
        utility(*query.profile, *query.kind, query.subject_weight,
                subject.member->sectors),
        eligible(subject.stored()
                     ? EligibilityCheck(view.members, subject.index, now)
                     : EligibilityCheck(view.members, *subject.member, now)) {}

  // One candidate on its way in.
  struct Incoming {
    MemberIndex index;
    v1::Role preferred;
    Similarity similarity;
    uint8_t source;
  };

  // Takes in those who may be shown and are not there yet. Loads some members
  // ahead of the one that is scored, and before that where they lie.
  void AddAll(const std::vector<Incoming>& incoming, const Prices* prices);

  // Takes in what search found, and the walk's members that search could not
  // tell about; gives how many search retrieved.
  int TakeIn(const Retrieved& found, const Prices* prices);

  void AddWalked(const Prices* prices);

  // Takes in a member if it may be shown and is not there yet.
  void Add(MemberIndex index, v1::Role preferred, Similarity similarity,
           uint8_t source, const Prices* prices);

  Ranked ScoreOne(MemberIndex index, const Member& member, v1::Role role,
                  Similarity similarity, uint8_t source, const Prices* prices);

  const MatchingView& view;
  const Subject& subject;
  const RankQuery& query;
  const std::shared_ptr<const TrustVector> trust;
  const PairFeatures features;
  const JointUtility utility;
  const EligibilityCheck eligible;
  std::vector<MemberIndex> walked;  // candidates from the walk, best first
  absl::flat_hash_set<MemberIndex> seen;
  std::vector<Ranked> items;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_RECOMMENDER_WORK_H_
