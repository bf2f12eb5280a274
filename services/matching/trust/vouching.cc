#include "services/matching/trust/vouching.h"

#include <algorithm>
#include <bit>

#include "mitra/v1/evidence.pb.h"

namespace mitra::matching {
namespace {

// What the tie vouches for, beyond what rounding makes of neutral; 0: nothing.
double Vouches(const Tie& tie, double cheap) {
  if (tie.kind == 0 || tie.to_group || !(tie.trust > .5 + 1e-4)) return 0;
  return tie.kind == v1::EVIDENCE_KIND_CONTACT ? cheap : 1;
}

// Edges by member, with two weights each: of the edge, and of the member's own
// word in it.
class Network {
 public:
  Network(const GraphView& graph, double cheap)
      : edge_sum_(graph.size(), 0), own_sum_(graph.size(), 0) {
    begin_.push_back(0);
    for (MemberIndex m = 0; m < graph.size(); ++m) {
      const Neighbours n = graph.of(m);
      for (uint32_t i = 0; i < n.size; ++i) {
        const double own = Vouches(OutTie(n.facts[i]), cheap);
        const double edge = std::max(own, Vouches(InTie(n.facts[i]), cheap));
        if (edge <= 0) continue;
        steps_.push_back(
            {n.edges[i].to, static_cast<float>(edge), static_cast<float>(own)});
        edge_sum_[m] += edge;
        own_sum_[m] += own;
      }
      begin_.push_back(steps_.size());
      total_ += edge_sum_[m];
      members_ += edge_sum_[m] > 0;
    }
  }

  // One step over undirected edges.
  void Spread(const std::vector<double>& trust,
              std::vector<double>& next) const {
    std::fill(next.begin(), next.end(), 0);
    for (MemberIndex m = 0; m < trust.size(); ++m) {
      if (trust[m] <= 0) continue;
      const double each = trust[m] / edge_sum_[m];
      for (uint64_t i = begin_[m]; i < begin_[m + 1]; ++i) {
        next[steps_[i].to] += each * double{steps_[i].edge};
      }
    }
  }

  // One step to whom a member vouches for; who vouches for nobody keeps what it
  // has. `passed` sums what each sent per unit of its word.
  void SpreadOwn(const std::vector<double>& trust, std::vector<double>& next,
                 std::vector<double>& passed) const {
    std::fill(next.begin(), next.end(), 0);
    for (MemberIndex m = 0; m < trust.size(); ++m) {
      if (trust[m] <= 0) continue;
      if (own_sum_[m] <= 0) {
        next[m] += trust[m];
        continue;
      }
      const double each = trust[m] / own_sum_[m];
      passed[m] += each;
      for (uint64_t i = begin_[m]; i < begin_[m + 1]; ++i) {
        next[steps_[i].to] += each * double{steps_[i].own};
      }
    }
  }

  bool Has(MemberIndex m) const {
    return m < edge_sum_.size() && edge_sum_[m] > 0;
  }
  size_t size() const { return edge_sum_.size(); }
  uint64_t edges() const { return steps_.size() / 2; }
  uint32_t members() const { return members_; }  // that have edges
  // Share of all edge weight.
  double ShareOf(MemberIndex m) const { return edge_sum_[m] / total_; }

 private:
  struct Step {
    MemberIndex to;
    float edge;
    float own;
  };
  std::vector<uint64_t> begin_;
  std::vector<Step> steps_;
  std::vector<double> edge_sum_;
  std::vector<double> own_sum_;
  double total_ = 0;
  uint32_t members_ = 0;
};

Vouching Walk(const Network& network, const std::vector<MemberIndex>& seeds,
              const VouchOptions& options) {
  const size_t n = network.size();
  Vouching out;
  out.steps = options.steps > 0
                  ? options.steps
                  : static_cast<int>(std::bit_width(network.members() - 1));
  std::vector<double> level(n, 0), reach(n, 0), next(n), passed(n, 0);
  for (const MemberIndex seed : seeds) {
    level[seed] = reach[seed] = 1. / static_cast<double>(seeds.size());
  }
  for (int step = 0; step < out.steps; ++step) {
    network.Spread(level, next);
    level.swap(next);
    network.SpreadOwn(reach, next, passed);
    reach.swap(next);
  }
  const double scale = options.reach_factor * network.members();
  out.level.resize(n);
  out.weight.resize(n);
  out.leak.resize(n);
  for (MemberIndex m = 0; m < n; ++m) {
    if (!network.Has(m)) continue;
    const double mixed = level[m] / network.ShareOf(m);
    out.level[m] = static_cast<float>(mixed);
    out.weight[m] = static_cast<float>(std::min(1., scale * reach[m]));
    out.leak[m] = static_cast<float>(scale * passed[m]);
  }
  return out;
}

}  // namespace

Vouching ComputeVouching(const GraphView& graph,
                         absl::Span<const MemberIndex> seeds,
                         const VouchOptions& options) {
  Vouching vouching;
  if (!seeds.empty()) {
    const Network network(graph, options.cheap);
    std::vector<MemberIndex> used(seeds.begin(), seeds.end());
    std::sort(used.begin(), used.end());
    used.erase(std::unique(used.begin(), used.end()), used.end());
    used.erase(
        std::remove_if(used.begin(), used.end(),
                       [&](MemberIndex seed) { return !network.Has(seed); }),
        used.end());
    if (!used.empty()) vouching = Walk(network, used, options);
    vouching.seeds = static_cast<uint32_t>(used.size());
    vouching.edges = network.edges();
  }
  vouching.graph_epoch = graph.epoch();
  return vouching;
}

}  // namespace mitra::matching
