#include "services/matching/trust/reputation.h"

namespace mitra::matching {
namespace {

constexpr double kPriorMean = .5;
constexpr double kPriorCount = 3;  // shrinkage of TRUST 1.1
constexpr double kPriorWeight = 2;
constexpr uint32_t kFewest = 3;

}  // namespace

Reputation ReputationOf(const GraphView& graph, MemberIndex member) {
  const NodeFacts& node = *graph.of(member).node;
  Reputation reputation;
  const double positive = node.in_positive;
  const double n = positive + node.in_negative;
  reputation.mean = (positive + kPriorCount * kPriorMean) / (n + kPriorCount);
  reputation.certainty = n / (n + kPriorWeight);
  reputation.value = reputation.mean * reputation.certainty;
  reputation.evidence = node.in_evidence;
  reputation.raters = node.in_degree;
  reputation.is_new = node.in_evidence < kFewest;
  return reputation;
}

}  // namespace mitra::matching
