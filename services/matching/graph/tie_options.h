// How evidence becomes ties and ties become weights: every number of TRUST 1.1
// and 1.2 in one configuration. The values are starting choices, not findings.

#ifndef MITRA_SERVICES_MATCHING_GRAPH_TIE_OPTIONS_H_
#define MITRA_SERVICES_MATCHING_GRAPH_TIE_OPTIONS_H_

#include <array>
#include <cstdint>

#include "absl/status/status.h"

namespace mitra::v1 {
enum EvidenceKind : int;
}

namespace mitra::matching {

inline constexpr int kEvidenceKinds = 14;  // v1::EvidenceKind, 0 unused

// What one kind of evidence counts.
struct EvidenceKindOptions {
  // Weight of one fresh piece, kappa; 0 to 10. 0 ignores the kind.
  double weight = 0;
  // Days until half of it is left; 0: it does not fade.
  double half_life_days = 0;
  // Quality when none is given, 0 to 1.
  double default_quality = 0;
  // Given qualities are cut to this: complaints stay complaints.
  double max_quality = 1;
  // A tie to a group or event rather than to somebody.
  bool to_group = false;
  // Raters grade it, some more kindly than others; see RaterBias.
  bool graded = false;
  // A complaint counts nothing once it is older than this and the month is over
  // (complaint_window.h); 0: complaints only fade. Choices: three years for
  // what is a complaint by its kind, of which a third is left by then; five for
  // bad marks, of which next to nothing is left, and which tell honest members
  // from others for as long (three cost .017 of T3's AUC on a random split).
  int window_days = 1825;
};

struct TieOptions {
  // By v1::EvidenceKind.
  std::array<EvidenceKindOptions, kEvidenceKinds> kinds = DefaultKinds();
  // Weight W of having no evidence.
  double prior_weight = 2;
  // Base rate a: expected trust without evidence. The same for everybody, not
  // the ratee's mean as in TRUST 1.1: a mean over all raters would let
  // strangers' praise raise what a viewer's own weak tie says (A38).
  double base_rate = .5;
  // tau: expected trust at and below which a tie carries no walk.
  double neutral_trust = .5;
  // gamma: how much uncertainty lowers a walk weight.
  double certainty_power = .5;
  // Evidence of one rater about one member counts at most this much for its
  // reputation, however many pieces there are.
  double edge_evidence_cap = 3;
  // Raters whose word counts less than this count together at most as much as
  // `low_evidence_cap` pieces of weight 1: see trust/reputation.h.
  double low_weight = .1;
  double low_evidence_cap = .02;
  // lambda: a tie is walked backwards with this factor.
  double reverse_factor = .1;
  // At most this share of what leaves a member goes backwards over ties that
  // others made (groups apart), however many they are: else a crowd of
  // strangers could draw a member's walk to itself.
  double reverse_share = .1 / 1.1;
  // A tie is not walked backwards if it would carry less than this share. Only
  // members with more than reverse_share / reverse_floor (4,545) admirers have
  // such ties. A walk that brings a twentieth of its mass to one of them, more
  // than a tie and a step can, passes less than PushOptions::rmax over each: it
  // would reach thousands of members and count none.
  double reverse_floor = 2e-5;
  // At most this share of what leaves a group goes to its members in all, and
  // at most `group_member_share` to one of them.
  double group_share = .5;
  double group_member_share = .1;
  // No tie carries more than this share of what leaves a member, or twice an
  // equal share where fewer than 2 / edge_share_cap ties stand (TRUST 1.4).
  double edge_share_cap = .1;

  // The table of TRUST 1.1.
  static std::array<EvidenceKindOptions, kEvidenceKinds> DefaultKinds();
  // INVALID_ARGUMENT for the first number out of range.
  absl::Status Validate() const;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_GRAPH_TIE_OPTIONS_H_
