#include "services/matching/capital/social_capital.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "mitra/v1/member.pb.h"
#include "services/matching/capital/introducer.h"
#include "services/matching/members/eligibility.h"
#include "services/matching/trust/forward_push.h"
#include "services/matching/trust/reputation.h"
#include "services/matching/trust/tie_model.h"
#include "services/matching/trust/tie_signals.h"

namespace mitra::matching {
namespace {

// A sum of ties saturates: half of the scale is reached at this sum.
constexpr double kHalfSum = 2;
constexpr int kCandidatesPerAction = 24;
// Acquaintances' acquaintances of one sort that are looked at for those.
constexpr size_t kLookedAtPerAction = 256;

double Saturate(double sum) { return sum / (sum + kHalfSum); }

// What one tie counts: positive trust beyond neutral, by its certainty.
double TieStrength(const TieFacts& facts) {
  const Tie out = OutTie(facts), in = InTie(facts);
  const auto strength = [](const Tie& tie) {
    return tie.kind == 0 || tie.to_group
               ? 0.0
               : std::max(0.0, 2 * tie.trust - 1) + .25 * tie.certainty;
  };
  return std::min(1.0, std::max(strength(out), strength(in)) * 2);
}

bool HasPower(const Member& member) {
  constexpr uint32_t kPower =
      BitOf(v1::ROLE_INVESTOR) | BitOf(v1::ROLE_ENTERPRISE) |
      BitOf(v1::ROLE_GOVERNMENT) | BitOf(v1::ROLE_EDUCATION) |
      BitOf(v1::ROLE_MENTOR);
  return (member.role_bits & kPower) != 0;
}

bool IsGroup(const Member& member) {
  return member.kind == v1::MEMBER_KIND_GROUP ||
         member.kind == v1::MEMBER_KIND_EVENT;
}

// A change to the network that has not happened: one more tie, or one more
// norm, of the diagnosed member.
struct Hypothesis {
  MemberIndex tie_to = kNoMember;  // a collaboration with this member
  MemberIndex join = kNoMember;    // membership of this group
  uint32_t norm_bits = 0;          // norms kept in addition
  uint32_t references = 0;         // good references received in addition
  // Two neighbours who would know each other.
  bool closes_pair = false;
};

class Measurer {
 public:
  Measurer(const MemberView& members, const GraphView& graph,
           uint32_t peer_norms, const CapitalOptions& options)
      : members_(members),
        graph_(graph),
        peer_norms_(peer_norms),
        options_(options) {}

  std::array<double, kCapitalDimensions> Measure(
      MemberIndex member, const Hypothesis& what_if = {}) const {
    std::array<double, kCapitalDimensions> values = {};
    const Neighbours n = graph_.of(member);
    std::vector<MemberIndex> groups;
    graph_.GroupsOf(member, groups);
    if (what_if.join != kNoMember) groups.push_back(what_if.join);
    double bonding = 0, bridging = 0, linking = 0;
    std::vector<MemberIndex> known;
    const uint32_t limit = std::min(n.size, options_.max_neighbours);
    const auto count = [&](MemberIndex other, double strength) {
      const Member& m = members_.at(other);
      if (m.deleted || strength <= 0) return;
      known.push_back(other);
      if (HasPower(m)) linking += strength;
      (SharesGroup(groups, other) ? bonding : bridging) += strength;
    };
    for (uint32_t i = 0; i < limit; ++i) {
      count(n.edges[i].to, TieStrength(n.facts[i]));
    }
    if (what_if.tie_to != kNoMember) count(what_if.tie_to, .8);
    // A group is bonding by itself: its members can be reached.
    for (MemberIndex group : groups) {
      bonding += .2 + .3 / (1 + std::log1p(graph_.of(group).node->group_size));
    }
    values[Index(CapitalDimension::kBonding)] = Saturate(bonding);
    values[Index(CapitalDimension::kBridging)] = Saturate(bridging);
    values[Index(CapitalDimension::kLinking)] = Saturate(linking);
    values[Index(CapitalDimension::kTrust)] = TrustOf(member, what_if);
    values[Index(CapitalDimension::kNorms)] = NormsOf(member, what_if);
    values[Index(CapitalDimension::kCohesion)] = CohesionOf(known, what_if);
    return values;
  }

  static int Index(CapitalDimension d) { return static_cast<int>(d); }

 private:
  bool SharesGroup(const std::vector<MemberIndex>& groups,
                   MemberIndex other) const {
    return std::any_of(groups.begin(), groups.end(), [&](MemberIndex group) {
      return graph_.TieBetween(other, group).has_value();
    });
  }

  double TrustOf(MemberIndex member, const Hypothesis& what_if) const {
    const Reputation now = ReputationOf(graph_, member);
    if (what_if.references == 0) return now.value;
    // With good references (weight .5 each) added.
    const NodeFacts& node = *graph_.of(member).node;
    return ReputationValue(node.vouched_positive + .5 * what_if.references,
                           node.vouched_negative);
  }

  double NormsOf(MemberIndex member, const Hypothesis& what_if) const {
    const uint32_t kept = members_.at(member).norm_bits | what_if.norm_bits;
    if (peer_norms_ == 0) return kept != 0 ? 1 : 0;
    return static_cast<double>(std::popcount(kept & peer_norms_)) /
           std::popcount(peer_norms_);
  }

  double CohesionOf(const std::vector<MemberIndex>& known,
                    const Hypothesis& what_if) const {
    const size_t n = std::min<size_t>(known.size(), 32);
    if (n < 2) return 0;
    uint32_t closed = 0, pairs = 0;
    for (size_t i = 0; i < n; ++i) {
      const Neighbours list = graph_.of(known[i]);
      for (size_t j = i + 1; j < n; ++j) {
        ++pairs;
        closed += list.PositionOf(known[j]) >= 0;
      }
    }
    closed += what_if.closes_pair && closed < pairs;
    return static_cast<double>(closed) / pairs;
  }

  const MemberView& members_;
  const GraphView& graph_;
  const uint32_t peer_norms_;
  const CapitalOptions& options_;
};

// Whom a member is likely to come to trust.
class Likeliest {
 public:
  Likeliest(const GraphView& graph, MemberIndex member)
      : walk_(ForwardPush(graph, member, {}, PushWorkspace::ForThisThread())),
        reader_(graph, member, &walk_) {}

  double ChanceOf(MemberIndex other) const {
    return TieModels::Default().forms.Chance(reader_.Of(other));
  }
  // Keeps the likeliest, each member once.
  void Keep(std::vector<std::pair<MemberIndex, MemberIndex>>& list) const {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end(),
                           [](const auto& a, const auto& b) {
                             return a.first == b.first;
                           }),
               list.end());
    std::vector<std::pair<double, size_t>> by_chance;
    for (size_t i = 0; i < list.size(); ++i) {
      by_chance.emplace_back(-ChanceOf(list[i].first), i);
    }
    std::sort(by_chance.begin(), by_chance.end());
    by_chance.resize(std::min<size_t>(by_chance.size(), kCandidatesPerAction));
    std::vector<std::pair<MemberIndex, MemberIndex>> kept;
    for (const auto& [chance, i] : by_chance) kept.push_back(list[i]);
    list = std::move(kept);
  }

 private:
  const TrustVector walk_;
  const TieReader reader_;
};

double Percentile(const std::vector<double>& sorted, double value) {
  if (sorted.empty()) return .5;
  const auto [low, high] =
      std::equal_range(sorted.begin(), sorted.end(), value);
  return (static_cast<double>(low - sorted.begin()) +
          .5 * static_cast<double>(high - low)) /
         static_cast<double>(sorted.size());
}

uint64_t CircleKey(uint32_t sector, uint32_t region) {
  return (static_cast<uint64_t>(sector) << 32) | region;
}

taxonomy::SectorNumber DivisionOf(const Member& member) {
  if (member.sectors.empty()) return taxonomy::kNoSector;
  return taxonomy::SectorIndex(
      taxonomy::SectorCodeAt(member.sectors[0]).substr(0, 2));
}

taxonomy::RegionNumber RegionAt(const Member& member, int level) {
  const absl::string_view code = taxonomy::RegionCodeAt(member.region);
  return taxonomy::RegionIndex(taxonomy::AncestorAt(code, level));
}

}  // namespace

PeerIndex::PeerIndex(const MemberView& members) : size_(members.size()) {
  for (MemberIndex m = 0; m < members.size(); ++m) {
    const Member& member = members.at(m);
    if (member.deleted || member.hidden) continue;
    if ((member.role_bits & BitOf(v1::ROLE_BUSINESS)) == 0) continue;
    by_sector_.push_back({CircleKey(DivisionOf(member), member.region), m});
    by_region_.push_back({member.region, m});
  }
  std::sort(by_sector_.begin(), by_sector_.end());
  std::sort(by_region_.begin(), by_region_.end());
}

PeerGroup PeerIndex::Find(const MemberView& members, MemberIndex member,
                          uint32_t min, uint32_t max,
                          std::vector<MemberIndex>& peers) const {
  const Member& self = members.at(member);
  const taxonomy::SectorNumber division = DivisionOf(self);
  using Rows = std::vector<std::pair<uint64_t, MemberIndex>>;
  const auto take = [&](const Rows& rows, uint64_t low, uint64_t high) {
    const auto begin = std::lower_bound(rows.begin(), rows.end(),
                                        std::make_pair(low, MemberIndex{0}));
    const auto end = std::lower_bound(begin, rows.end(),
                                      std::make_pair(high, MemberIndex{0}));
    const auto count = static_cast<size_t>(end - begin);
    // Every stride-th, so that a large circle is sampled evenly.
    const size_t stride = std::max<size_t>(1, count / std::max(1u, max));
    peers.clear();
    for (size_t i = 0; i < count && peers.size() < max; i += stride) {
      if (begin[static_cast<ptrdiff_t>(i)].second != member) {
        peers.push_back(begin[static_cast<ptrdiff_t>(i)].second);
      }
    }
  };
  PeerGroup group;
  for (int level : {2, 1}) {
    const taxonomy::RegionNumber region = RegionAt(self, level);
    const auto range = taxonomy::RegionsUnder(taxonomy::RegionCodeAt(region));
    if (division == taxonomy::kNoSector || range.begin == range.end) continue;
    take(by_sector_, CircleKey(division, range.begin),
         CircleKey(division, range.end));
    group = {division, region, static_cast<uint32_t>(peers.size())};
    if (peers.size() >= min) return group;
  }
  if (division != taxonomy::kNoSector) {
    take(by_sector_, CircleKey(division, 0),
         CircleKey(division, std::numeric_limits<uint32_t>::max()));
    group = {division, taxonomy::kNoRegion,
             static_cast<uint32_t>(peers.size())};
    if (peers.size() >= min) return group;
  }
  take(by_region_, 0, std::numeric_limits<uint64_t>::max());
  return {taxonomy::kNoSector, taxonomy::kNoRegion,
          static_cast<uint32_t>(peers.size())};
}

uint32_t PeerIndex::InCircle(taxonomy::SectorNumber division,
                             taxonomy::RegionNumber region, uint32_t max,
                             std::vector<MemberIndex>& out) const {
  uint64_t begin = 0, end = std::numeric_limits<uint32_t>::max();
  if (region != taxonomy::kNoRegion) {
    const auto under = taxonomy::RegionsUnder(taxonomy::RegionCodeAt(region));
    begin = under.begin;
    end = under.end;
  }
  const bool all = division == taxonomy::kNoSector;
  const auto& rows = all ? by_region_ : by_sector_;
  const uint64_t base = all ? 0 : CircleKey(division, 0);
  const auto from = std::lower_bound(
      rows.begin(), rows.end(), std::make_pair(base + begin, MemberIndex{0}));
  const auto to = std::lower_bound(from, rows.end(),
                                   std::make_pair(base + end, MemberIndex{0}));
  const auto count = static_cast<size_t>(to - from);
  const size_t stride =
      std::max<size_t>(1, (count + max - 1) / std::max(1u, max));
  out.clear();
  for (size_t i = 0; i < count; i += stride) {
    out.push_back(from[static_cast<ptrdiff_t>(i)].second);
  }
  return static_cast<uint32_t>(count);
}

uint32_t CommonNorms(const MemberView& members,
                     const std::vector<MemberIndex>& of) {
  std::array<uint32_t, 32> keepers = {};
  for (MemberIndex peer : of) {
    for (int norm = 1; norm < 32; ++norm) {
      keepers[norm] += (members.at(peer).norm_bits & BitOf(norm)) != 0;
    }
  }
  uint32_t common = 0;
  for (int norm = 1; norm < 32; ++norm) {
    if (size_t{10} * keepers[norm] >= std::max<size_t>(1, of.size())) {
      common |= keepers[norm] > 0 ? BitOf(norm) : 0;
    }
  }
  return common;
}

std::array<double, kCapitalDimensions> MeasureCapital(
    const MemberView& members, const GraphView& graph, MemberIndex member,
    uint32_t common_norms, const CapitalOptions& options) {
  return Measurer(members, graph, common_norms, options).Measure(member);
}

CapitalDiagnosis DiagnoseCapital(const MemberView& members,
                                 const GraphView& graph, const PeerIndex& index,
                                 MemberIndex member, int64_t now,
                                 const CapitalOptions& options) {
  CapitalDiagnosis diagnosis;
  std::vector<MemberIndex> peers;
  diagnosis.peers =
      index.Find(members, member, options.min_peers, options.max_peers, peers);

  const uint32_t peer_norms = CommonNorms(members, peers);
  const Measurer measurer(members, graph, peer_norms, options);
  std::array<std::vector<double>, kCapitalDimensions> of_peers;
  for (MemberIndex peer : peers) {
    const auto values = measurer.Measure(peer);
    for (int d = 0; d < kCapitalDimensions; ++d) {
      of_peers[d].push_back(values[d]);
    }
  }
  const auto own = measurer.Measure(member);
  for (int d = 0; d < kCapitalDimensions; ++d) {
    std::sort(of_peers[d].begin(), of_peers[d].end());
    CapitalScore& score = diagnosis.scores[d];
    score.value = own[d];
    score.percentile = Percentile(of_peers[d], own[d]);
    score.peer_median =
        of_peers[d].empty() ? 0 : of_peers[d][of_peers[d].size() / 2];
  }

  const Likeliest likeliest(graph, member);
  std::vector<CapitalStep> steps;
  const auto consider = [&](CapitalAction action, CapitalDimension dimension,
                            MemberIndex target, MemberIndex introducer,
                            int norm, const Hypothesis& what_if) {
    const int d = static_cast<int>(dimension);
    const auto after = measurer.Measure(member, what_if);
    CapitalStep step;
    step.action = action;
    step.dimension = dimension;
    step.target = target;
    step.introducer = introducer;
    if (what_if.tie_to != kNoMember) step.chance = likeliest.ChanceOf(target);
    step.norm = norm;
    step.value_before = own[d];
    step.value_after = after[d];
    step.percentile_before = Percentile(of_peers[d], own[d]);
    step.percentile_after = Percentile(of_peers[d], after[d]);
    if (step.value_after > step.value_before + 1e-9) steps.push_back(step);
  };

  // Whom acquaintances know: groups to join, members of power to meet,
  // members of other groups.
  const EligibilityCheck eligible(members, member, now);
  const auto open = [&](MemberIndex other) {
    const Member& m = members.at(other);
    return !m.deleted && !m.facets.empty() &&
           eligible(other, v1::Role(m.facets[0].role)) ==
               Eligibility::kEligible;
  };
  const Neighbours n = graph.of(member);
  std::vector<MemberIndex> groups;
  graph.GroupsOf(member, groups);
  std::vector<std::pair<MemberIndex, MemberIndex>> joins, powers, others;
  std::vector<MemberIndex> partners;
  const uint32_t limit = std::min(n.size, options.max_neighbours);
  for (uint32_t i = 0; i < limit; ++i) {
    const MemberIndex friend_index = n.edges[i].to;
    if (TieStrength(n.facts[i]) <= 0 || IsGroup(members.at(friend_index))) {
      continue;
    }
    partners.push_back(friend_index);
    const Neighbours second = graph.of(friend_index);
    const uint32_t reach = std::min(second.size, options.max_neighbours);
    for (uint32_t j = 0; j < reach; ++j) {
      const MemberIndex other = second.edges[j].to;
      if (other == member || n.PositionOf(other) >= 0 || !open(other)) continue;
      const Member& m = members.at(other);
      auto& list = IsGroup(m) ? joins : HasPower(m) ? powers : others;
      if (list.size() < kLookedAtPerAction) {
        list.push_back({other, friend_index});
      }
    }
  }
  // Without acquaintances in one: communities of the peers.
  for (MemberIndex peer : peers) {
    if (joins.size() >= kCandidatesPerAction) break;
    std::vector<MemberIndex> theirs;
    graph.GroupsOf(peer, theirs);
    for (MemberIndex group : theirs) {
      if (n.PositionOf(group) < 0 && open(group))
        joins.push_back({group, peer});
    }
  }
  joins.resize(std::min<size_t>(joins.size(), kCandidatesPerAction));
  likeliest.Keep(powers);
  likeliest.Keep(others);
  for (const auto& [group, via] : joins) {
    consider(CapitalAction::kJoinCommunity, CapitalDimension::kBonding, group,
             kNoMember, 0, {.join = group});
  }
  for (const auto& [other, via] : powers) {
    const auto introducer = BestIntroducer(members, graph, member, other);
    consider(CapitalAction::kAskIntroduction, CapitalDimension::kLinking, other,
             introducer ? introducer->member : via, 0, {.tie_to = other});
  }
  for (const auto& [other, via] : others) {
    consider(CapitalAction::kTieAcrossGroups, CapitalDimension::kBridging,
             other, via, 0, {.tie_to = other});
  }
  for (int norm = 1; norm < 32; ++norm) {
    if ((peer_norms & BitOf(norm)) == 0 ||
        (members.at(member).norm_bits & BitOf(norm)) != 0) {
      continue;
    }
    consider(CapitalAction::kReachNorm, CapitalDimension::kNorms, kNoMember,
             kNoMember, norm, {.norm_bits = BitOf(norm)});
  }
  for (MemberIndex partner : partners) {
    if (graph.TieBetween(partner, member)) continue;
    consider(CapitalAction::kAskForReference, CapitalDimension::kTrust, partner,
             kNoMember, 0, {.references = 1});
    break;  // any partner is worth the same
  }
  for (size_t i = 0; i + 1 < partners.size() && i < 8; ++i) {
    if (graph.of(partners[i]).PositionOf(partners[i + 1]) >= 0) continue;
    consider(CapitalAction::kIntroduceNeighbours, CapitalDimension::kCohesion,
             partners[i], partners[i + 1], 0, {.closes_pair = true});
    break;
  }

  // Largest gain in standing first; where a dimension is weak a gain counts
  // more. One step per action, so that three steps are three things to do.
  const auto gain = [](const CapitalStep& step) {
    return step.chance * (step.percentile_after - step.percentile_before) *
               (1.5 - step.percentile_before) +
           1e-3 * (step.value_after - step.value_before);
  };
  std::stable_sort(steps.begin(), steps.end(),
                   [&](const CapitalStep& a, const CapitalStep& b) {
                     const double x = gain(a), y = gain(b);
                     if (x != y) return x > y;
                     return std::make_pair(a.action, a.target) <
                            std::make_pair(b.action, b.target);
                   });
  for (const CapitalStep& step : steps) {
    if (diagnosis.steps.size() >= options.max_steps) break;
    const bool repeated = std::any_of(
        diagnosis.steps.begin(), diagnosis.steps.end(),
        [&](const CapitalStep& s) { return s.action == step.action; });
    if (!repeated) diagnosis.steps.push_back(step);
  }
  return diagnosis;
}

}  // namespace mitra::matching
