#include "services/matching/trust/reputation.h"

namespace mitra::matching {
namespace {

constexpr double kPriorMean = .5;
constexpr double kPriorCount = 3;  // shrinkage of TRUST 1.1
constexpr double kPriorWeight = 2;
constexpr uint32_t kFewest = 3;

double MeanOf(double positive, double n) {
  return (positive + kPriorCount * kPriorMean) / (n + kPriorCount);
}

// By what is in favour alone: n would let complaints make somebody known, and
// so raise the value of who has little praise.
double CertaintyOf(double positive) {
  return positive / (positive + kPriorWeight);
}

}  // namespace

Reputation ReputationOf(const GraphView& graph, MemberIndex member) {
  return ReputationOf(*graph.of(member).node);
}

Reputation ReputationOf(const NodeFacts& node) {
  Reputation reputation;
  const double positive = node.vouched_positive;
  const double n = positive + node.vouched_negative;
  reputation.mean = MeanOf(positive, n);
  reputation.certainty = CertaintyOf(positive);
  reputation.value = reputation.mean * reputation.certainty;
  reputation.evidence = node.vouched_evidence;
  reputation.raters = node.in_degree;
  reputation.is_new = node.vouched_evidence < kFewest;
  return reputation;
}

double ReputationValue(double positive, double negative) {
  const double n = positive + negative;
  return MeanOf(positive, n) * CertaintyOf(positive);
}

StandingBand BandOf(const Reputation& reputation) {
  if (reputation.is_new) return StandingBand::kNew;
  if (reputation.value < .2) return StandingBand::kLow;
  if (reputation.value < .4) return StandingBand::kFair;
  if (reputation.value < .6) return StandingBand::kGood;
  return StandingBand::kHigh;
}

}  // namespace mitra::matching
