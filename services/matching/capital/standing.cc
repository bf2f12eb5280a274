#include "services/matching/capital/standing.h"

#include <algorithm>
#include <cmath>

#include "mitra/v1/evidence.pb.h"

namespace mitra::matching {
namespace {

// What the sums would be with one more fresh piece of a usual quality.
double WithOneMore(double positive, double negative,
                   const EvidenceKindOptions& kind) {
  return ReputationValue(positive + kind.weight * kind.default_quality,
                         negative + kind.weight * (1 - kind.default_quality));
}

}  // namespace

Standing StandingOf(const GraphView& graph, MemberIndex member, bool verified,
                    const TieOptions& options) {
  Standing standing;
  const Neighbours n = graph.of(member);
  const double positive = n.node->vouched_positive;
  const double negative = n.node->vouched_negative;
  standing.reputation = ReputationOf(graph, member);
  standing.band = BandOf(standing.reputation);
  standing.weighed = graph.weighs_raters();
  standing.own_weight = graph.RaterWeight(member);
  const double value = ReputationValue(positive, negative);
  double complaints = 0;
  for (uint32_t i = 0; i < n.node->causes; ++i) {
    const Cause& cause = n.causes[i];
    StandingCause out;
    out.kind = cause.kind;
    out.pieces = cause.pieces;
    out.low_pieces = cause.low_pieces;
    out.raters = cause.raters;
    out.positive = cause.positive;
    out.negative = cause.negative;
    out.half_life_days = options.kinds[cause.kind].half_life_days;
    out.window_days = options.kinds[cause.kind].window_days;
    out.last_end = cause.last_end;
    out.amount = value - ReputationValue(std::max(0., positive - out.positive),
                                         std::max(0., negative - out.negative));
    standing.causes.push_back(out);
    if (options.kinds[cause.kind].max_quality < 1) complaints += out.negative;
  }
  std::stable_sort(standing.causes.begin(), standing.causes.end(),
                   [](const StandingCause& a, const StandingCause& b) {
                     return std::abs(a.amount) > std::abs(b.amount);
                   });

  const auto consider = [&](StandingAction action, double after) {
    if (after > value) standing.steps.push_back({action, after - value});
  };
  consider(StandingAction::kCollaborate,
           WithOneMore(positive, negative,
                       options.kinds[v1::EVIDENCE_KIND_COLLABORATION]));
  consider(StandingAction::kAskReference,
           WithOneMore(positive, negative,
                       options.kinds[v1::EVIDENCE_KIND_REFERENCE]));
  if (complaints > 0) {
    consider(StandingAction::kContest,
             ReputationValue(positive, std::max(0., negative - complaints)));
  }
  std::stable_sort(standing.steps.begin(), standing.steps.end(),
                   [](const StandingStep& a, const StandingStep& b) {
                     return a.effect > b.effect;
                   });
  if (!verified) standing.steps.push_back({StandingAction::kGetVerified, 0});
  return standing;
}

}  // namespace mitra::matching
