// What became of recommendations, as exported: one JSON object per line.
//
//   {"time": "2026-03-01T10:00:00Z", "kind": "mentor", "list": "7f3a",
//    "answer": "declined", "propensity": 0.4, "candidate": "c19",
//    "position": 3, "randomised": false,
//    "features": {"give_similarity": 0.62, "region_proximity": 1}}
//
// answer: "match", "declined", "not_wanted", "unrequited", "neither", "missed"
// (see Answer). list: names the slate that the pair stood in; pairs of one list
// are compared. propensity: chance that the pair was seen at its position, 1 if
// left out. candidate, position (from 0) and randomised are those of the
// attribution (v1::Attribution; any stable name does for the candidate) and may
// be left out: exposure_bias.h weighs by them. A feature that is left out or
// null is a missing signal.

#ifndef MITRA_SERVICES_MATCHING_LEARNING_OUTCOME_LINE_H_
#define MITRA_SERVICES_MATCHING_LEARNING_OUTCOME_LINE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/matching/learning/ranking_learner.h"
#include "services/matching/ranking/recommendation_kinds.h"

namespace mitra::matching {

inline constexpr double kMaxOutcomeWeight = 20;

struct Outcome {
  absl::Time time;
  v1::RecommendationKind kind = v1::RECOMMENDATION_KIND_UNSPECIFIED;
  std::string list;
  std::string candidate;             // empty: not said
  std::optional<uint32_t> position;  // in the slate
  bool randomised = false;           // chance had drawn the position
  bool has_propensity = false;
  // Weighs 1 / propensity, at most 20, so that one lucky view does not decide.
  AnsweredPair pair;
};

// INVALID_ARGUMENT, naming the field, for what is not of that form: unknown
// keys, features, kinds and answers, numbers that are not finite, a propensity
// outside (0, 1].
absl::StatusOr<Outcome> ParseOutcome(absl::string_view json);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_LEARNING_OUTCOME_LINE_H_
