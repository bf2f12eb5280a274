#include "services/matching/capital/introducer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "mitra/v1/relation.pb.h"

namespace mitra::matching {
namespace {

constexpr double kBackwards = .5;
constexpr double kUsualAcquaintances = 16;

// Expected trust over a personal tie, in the better direction; 0 for neutral,
// bad and group ties.
double TrustOver(const TieFacts& facts) {
  const auto good = [](const Tie& tie) {
    return tie.kind != 0 && !tie.to_group && tie.trust > .5 ? tie.trust : 0;
  };
  return std::max(good(OutTie(facts)), kBackwards * good(InTie(facts)));
}

bool HasTime(const Member& member) {
  if (member.facets.empty()) return true;
  return std::any_of(
      member.facets.begin(), member.facets.end(),
      [](const Facet& facet) { return !facet.paused && !facet.full(); });
}

bool MayBeAsked(const MemberView& members, MemberIndex introducer,
                MemberIndex subject, MemberIndex target) {
  const Member& member = members.at(introducer);
  return !member.deleted && !member.hidden &&
         member.Consents(v1::CONSENT_PURPOSE_INTRODUCTION) && HasTime(member) &&
         !members.Blocked(introducer, subject) &&
         !members.Blocked(introducer, target);
}

}  // namespace

std::optional<Introducer> BestIntroducer(const MemberView& members,
                                         const GraphView& graph,
                                         MemberIndex subject,
                                         MemberIndex target) {
  const Neighbours mine = graph.of(subject), theirs = graph.of(target);
  std::optional<Introducer> best;
  double best_score = 0;
  uint32_t j = 0;
  for (uint32_t i = 0; i < mine.size; ++i) {
    const MemberIndex between = mine.edges[i].to;
    while (j < theirs.size && theirs.edges[j].to < between) ++j;
    if (j == theirs.size) break;
    if (theirs.edges[j].to != between) continue;
    // The target's list holds the tie from its own end.
    TieFacts onward = theirs.facts[j];
    std::swap(onward.out_trust, onward.in_trust);
    std::swap(onward.out_certainty, onward.in_certainty);
    std::swap(onward.out_kind, onward.in_kind);
    const double trust = TrustOver(mine.facts[i]) * TrustOver(onward);
    const double score =
        trust / std::sqrt(1 + graph.of(between).size / kUsualAcquaintances);
    if (score <= best_score || !MayBeAsked(members, between, subject, target)) {
      continue;
    }
    best_score = score;
    best = {between, trust};
  }
  return best;
}

}  // namespace mitra::matching
