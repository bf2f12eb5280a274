#include "services/matching/trust/trust_path.h"

#include <algorithm>
#include <optional>

namespace mitra::matching {
namespace {

// One step that a path may take.
using Hop = PathHop;

class Finder {
 public:
  Finder(const GraphView& graph, MemberIndex subject, MemberIndex candidate,
         const PathOptions& options)
      : graph_(graph),
        subject_(subject),
        candidate_(candidate),
        options_(options) {}

  TrustPaths Run() {
    Direct();
    TwoHops();
    if (found_.empty()) ThreeHops();
    std::sort(found_.begin(), found_.end(),
              [](const TrustPath& a, const TrustPath& b) {
                if (a.strength != b.strength) return a.strength > b.strength;
                if (a.hops.size() != b.hops.size()) {
                  return a.hops.size() < b.hops.size();
                }
                return a.hops.front().to < b.hops.front().to;
              });
    TrustPaths result;
    std::vector<MemberIndex> used;
    double none = 1;
    for (TrustPath& path : found_) {
      if (result.paths.size() >= options_.max_paths) break;
      if (!Disjoint(path, used)) continue;
      for (const Hop& hop : path.hops) {
        if (hop.to != candidate_) used.push_back(hop.to);
        if (hop.group != kNoMember) used.push_back(hop.group);
      }
      none *= 1 - path.strength;
      result.paths.push_back(std::move(path));
    }
    result.combined = 1 - none;
    return result;
  }

 private:
  static bool Disjoint(const TrustPath& path,
                       const std::vector<MemberIndex>& used) {
    const auto seen = [&](MemberIndex m) {
      return std::find(used.begin(), used.end(), m) != used.end();
    };
    return std::none_of(path.hops.begin(), path.hops.end(), [&](const Hop& h) {
      return seen(h.to) || (h.group != kNoMember && seen(h.group));
    });
  }

  // The personal tie as a hop, in the better direction.
  std::optional<Hop> TieHop(MemberIndex to, const TieFacts& facts) const {
    Hop hop;
    hop.to = to;
    const Tie out = OutTie(facts), in = InTie(facts);
    if (out.kind != 0 && !out.to_group && out.trust > options_.min_trust) {
      hop.trust = out.trust;
      hop.kind = out.kind;
    }
    const double back = in.trust * options_.backwards_factor;
    if (in.kind != 0 && !in.to_group && in.trust > options_.min_trust &&
        back > hop.trust) {
      hop.trust = back;
      hop.kind = in.kind;
      hop.backwards = true;
    }
    if (hop.trust <= 0) return std::nullopt;
    return hop;
  }

  std::optional<Hop> HopBetween(MemberIndex from, MemberIndex to) const {
    const Neighbours n = graph_.of(from);
    const int64_t at = n.PositionOf(to);
    if (at < 0) return std::nullopt;
    return TieHop(to, n.facts[at]);
  }

  // A tie to a group itself counts as a hop when it is the candidate.
  std::optional<Hop> JoinedHop(MemberIndex from, MemberIndex to) const {
    const Neighbours n = graph_.of(from);
    const int64_t at = n.PositionOf(to);
    if (at < 0) return std::nullopt;
    const Tie out = OutTie(n.facts[at]);
    if (out.kind == 0 || !out.to_group) return std::nullopt;
    Hop hop;
    hop.to = to;
    hop.trust = out.trust;
    hop.kind = out.kind;
    return hop;
  }

  void Add(std::vector<Hop> hops) {
    TrustPath path;
    path.strength = 1;
    for (const Hop& hop : hops) path.strength *= hop.trust;
    path.hops = std::move(hops);
    if (path.strength > 0) found_.push_back(std::move(path));
  }

  void Direct() {
    if (auto hop = HopBetween(subject_, candidate_)) Add({*hop});
    if (auto hop = JoinedHop(subject_, candidate_)) Add({*hop});
    if (auto hop = GroupHop(subject_, candidate_)) Add({*hop});
  }

  // Both belong to a group: one hop, worth little in a large one.
  std::optional<Hop> GroupHop(MemberIndex from, MemberIndex to) const {
    const MemberIndex group = graph_.CommonGroup(from, to);
    if (group == kNoMember) return std::nullopt;
    const uint32_t size = graph_.of(group).node->group_size;
    if (size > options_.max_group_size) return std::nullopt;
    const auto a = graph_.TieBetween(from, group);
    const auto b = graph_.TieBetween(to, group);
    if (!a || !b) return std::nullopt;
    Hop hop;
    hop.to = to;
    hop.kind = a->kind;
    hop.group = group;
    hop.group_size = size;
    hop.trust = a->trust * b->trust *
                std::min(1.0, options_.group_reach / std::max(1u, size));
    return hop;
  }

  void TwoHops() {
    const Neighbours a = graph_.of(subject_), b = graph_.of(candidate_);
    uint32_t i = 0, j = 0;
    while (i < a.size && j < b.size) {
      const MemberIndex x = a.edges[i].to, y = b.edges[j].to;
      if (x < y) {
        ++i;
      } else if (y < x) {
        ++j;
      } else {
        const auto first = TieHop(x, a.facts[i]);
        if (first && x != subject_ && x != candidate_) {
          if (auto second = HopBetween(x, candidate_)) Add({*first, *second});
        }
        ++i;
        ++j;
      }
    }
  }

  // The strongest personal hops of a member.
  std::vector<Hop> Strongest(MemberIndex member) const {
    const Neighbours n = graph_.of(member);
    std::vector<Hop> hops;
    for (uint32_t i = 0; i < n.size; ++i) {
      if (auto hop = TieHop(n.edges[i].to, n.facts[i])) hops.push_back(*hop);
    }
    const size_t keep = std::min<size_t>(hops.size(), options_.fan_out);
    std::partial_sort(hops.begin(), hops.begin() + static_cast<ptrdiff_t>(keep),
                      hops.end(), [](const Hop& x, const Hop& y) {
                        return x.trust != y.trust ? x.trust > y.trust
                                                  : x.to < y.to;
                      });
    hops.resize(keep);
    return hops;
  }

  void ThreeHops() {
    const std::vector<Hop> firsts = Strongest(subject_);
    const std::vector<Hop> ends = Strongest(candidate_);
    for (const Hop& first : firsts) {
      if (first.to == candidate_) continue;
      for (const Hop& end : ends) {
        if (end.to == subject_ || end.to == first.to) continue;
        const auto middle = HopBetween(first.to, end.to);
        if (!middle) continue;
        if (const auto last = HopBetween(end.to, candidate_)) {
          Add({first, *middle, *last});
        }
      }
      // A middle member may share a group with the candidate.
      if (const auto last = GroupHop(first.to, candidate_)) {
        Add({first, *last});
      }
    }
  }

  const GraphView& graph_;
  const MemberIndex subject_;
  const MemberIndex candidate_;
  const PathOptions& options_;
  std::vector<TrustPath> found_;
};

}  // namespace

TrustPaths FindTrustPaths(const GraphView& graph, MemberIndex subject,
                          MemberIndex candidate, const PathOptions& options) {
  if (subject == candidate) return {};
  return Finder(graph, subject, candidate, options).Run();
}

}  // namespace mitra::matching
