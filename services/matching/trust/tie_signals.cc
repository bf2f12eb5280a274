#include "services/matching/trust/tie_signals.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace mitra::matching {
namespace {

constexpr std::array<absl::string_view, kTieSignals> kNames = {
    "walk",
    "walk_fresh",
    "fresh_in",
    "fresh_out",
    "in_degree",
    "out_degree",
    "subject_in",
    "subject_out",
    "returned",
    "returned_any",
    "through",
    "co_trusting",
    "co_trusted",
    "backwards",
    "through_sign",
    "co_trusting_sign",
    "co_trusted_sign",
    "backwards_sign",
    "mean_in",
    "mean_in_root",
    "mean_out",
    "subject_mean_in",
    "subject_mean_out",
    "unknown",
    "unknown_harsh",
    "unknown_out",
    "unknown_in",
    "negative_in",
    "subject_fresh",
    "subject_negative",
    "subject_complaints"};

constexpr double kMassUnit = 1e-7;
constexpr double kFreshUnit = .02;
constexpr double kPathUnit = .01;
// Pieces of evidence that a mean is shrunk to 0 by.
constexpr double kMeanPrior = .5;
// The same for the mean sign of paths, in paths of certain ties.
constexpr double kSignPrior = .02;

double Log(double value, double unit) { return std::log1p(value / unit); }

double MeanOf(double positive, double negative) {
  return (positive - negative) / (positive + negative + kMeanPrior);
}

uint64_t Mix(MemberIndex member) { return member * 0x9E3779B97F4A7C15ull; }

// One direction of a tie as the paths need it.
struct Step {
  double sign = 0;       // 2 E - 1
  double certainty = 0;  // 0: no tie
};
Step OutStep(const TieFacts& facts) {
  if (facts.out_kind == 0 || (facts.out_kind & TieFacts::kGroupFlag) != 0) {
    return {};
  }
  const Tie tie = OutTie(facts);
  return {2 * tie.trust - 1, tie.certainty};
}
Step InStep(const TieFacts& facts) {
  if (facts.in_kind == 0 || (facts.in_kind & TieFacts::kGroupFlag) != 0) {
    return {};
  }
  const Tie tie = InTie(facts);
  return {2 * tie.trust - 1, tie.certainty};
}

}  // namespace

const std::array<absl::string_view, kTieSignals>& TieSignalNames() {
  return kNames;
}

TieReader::TieReader(const GraphView& graph, MemberIndex subject,
                     const TrustVector* trust)
    : graph_(graph), own_(graph.of(subject)), trust_(trust) {
  // 16 bits for each neighbour: one false alarm in 16.
  filter_.resize(std::bit_ceil(std::max<size_t>(1, own_.size / 4)));
  for (const WalkEdge& edge : own_.walk()) {
    const uint64_t hash = Mix(edge.to);
    filter_[(hash >> 6) & (filter_.size() - 1)] |= 1ull << (hash >> 58);
  }
}

TieOverlap TieReader::OverlapWith(MemberIndex target) const {
  TieOverlap overlap;
  const Neighbours theirs = graph_.of(target);
  if (own_.size == 0) return overlap;
  for (uint32_t i = 0; i < theirs.size; ++i) {
    const MemberIndex other = theirs.edges[i].to;
    const uint64_t hash = Mix(other);
    if ((filter_[(hash >> 6) & (filter_.size() - 1)] >> (hash >> 58) & 1) ==
        0) {
      continue;
    }
    const int64_t at = own_.PositionOf(other);
    if (at < 0) continue;
    ++overlap.common;
    // Lists hold both directions: mine to X, X to me; theirs likewise.
    const Step to_x = OutStep(own_.facts[at]), from_x = InStep(own_.facts[at]);
    const Step t_to_x = OutStep(theirs.facts[i]);
    const Step x_to_t = InStep(theirs.facts[i]);
    const NodeFacts& node = *graph_.of(other).node;
    const double rare = 1 / std::log(2. + node.in_degree + node.out_degree);
    const auto add = [&](int direction, const Step& a, const Step& b) {
      const double weight = rare * a.certainty * b.certainty;
      if (weight <= 0) return;
      if (a.sign > 0 && b.sign > 0) overlap.paths[direction] += weight;
      // Signs are of ties weakened by their own uncertainty; here only the
      // direction of each counts, the weight is counted once.
      const double sign = (a.sign / a.certainty) * (b.sign / b.certainty);
      overlap.signs[direction] += weight * std::clamp(sign, -1., 1.);
      overlap.sign_weights[direction] += weight;
    };
    add(0, to_x, x_to_t);
    add(1, to_x, t_to_x);
    add(2, from_x, x_to_t);
    add(3, from_x, t_to_x);
  }
  return overlap;
}

TieSignals TieReader::Of(MemberIndex target) const {
  TieSignals signals{};
  const auto set = [&](TieSignal signal, double value) {
    signals[static_cast<size_t>(signal)] = static_cast<float>(value);
  };
  const NodeFacts& self = *own_.node;
  const NodeFacts& node = *graph_.of(target).node;
  const double walk =
      trust_ == nullptr ? 0 : Log(trust_->MassOf(target), kMassUnit);
  const double fresh_in = Log(node.in_positive, kFreshUnit);
  set(TieSignal::kWalk, walk);
  set(TieSignal::kFreshIn, fresh_in);
  set(TieSignal::kWalkFresh, walk * fresh_in / 10);
  set(TieSignal::kFreshOut, Log(node.out_positive, kFreshUnit));
  set(TieSignal::kInDegree, Log(node.in_degree, 1));
  set(TieSignal::kOutDegree, Log(node.out_degree, 1));
  set(TieSignal::kSubjectIn, Log(self.in_degree, 1));
  set(TieSignal::kSubjectOut, Log(self.out_degree, 1));
  if (const int64_t at = own_.PositionOf(target); at >= 0) {
    const Step back = InStep(own_.facts[at]);
    set(TieSignal::kReturned, back.certainty > 0 ? back.sign : 0);
    set(TieSignal::kReturnedAny, back.certainty > 0 ? 1 : 0);
  }
  const TieOverlap overlap = OverlapWith(target);
  for (size_t d = 0; d < overlap.paths.size(); ++d) {
    signals[static_cast<size_t>(TieSignal::kThrough) + d] =
        static_cast<float>(Log(overlap.paths[d], kPathUnit));
    signals[static_cast<size_t>(TieSignal::kThroughSign) + d] =
        static_cast<float>(overlap.signs[d] /
                           (overlap.sign_weights[d] + kSignPrior));
  }
  const double mean_in = MeanOf(node.in_positive, node.in_negative);
  const double mean_given = MeanOf(self.out_positive, self.out_negative);
  set(TieSignal::kMeanIn, mean_in);
  set(TieSignal::kMeanInRoot, mean_in * Log(node.in_degree, 1) / 4);
  set(TieSignal::kMeanOut, MeanOf(node.out_positive, node.out_negative));
  set(TieSignal::kSubjectMeanIn, MeanOf(self.in_positive, self.in_negative));
  set(TieSignal::kSubjectMeanOut, mean_given);
  const double unknown = node.in_degree == 0 ? 1 : 0;
  set(TieSignal::kUnknown, unknown);
  set(TieSignal::kUnknownHarsh, unknown * mean_given);
  set(TieSignal::kUnknownOut, unknown * Log(self.out_degree, 1) / 4);
  set(TieSignal::kUnknownIn, unknown * Log(self.in_degree, 1) / 4);
  set(TieSignal::kNegativeIn, Log(node.in_negative, kFreshUnit));
  set(TieSignal::kSubjectFresh,
      Log(self.out_positive + self.out_negative, kFreshUnit));
  set(TieSignal::kSubjectNegative, Log(self.out_negative, kFreshUnit));
  set(TieSignal::kSubjectComplaints, Log(self.in_negative, kFreshUnit));
  return signals;
}

}  // namespace mitra::matching
